import PodlingCore
import PodlingProtocol
import PodlingStore

/// A master's store: the counterpart of the shell around the real statements. It writes one batch at a time, all that
/// waits merged into one by the real coalescing, and tries again for as long as it leads.
final class StoreClient {
    private struct Job {
        var batch: StoreBatch
        var refused: ([RefusedRow]) -> Void
        var done: (Result<Void, StoreError>) -> Void

        /// Of refused rows, those of its own tasks.
        func own(_ rows: [RefusedRow]) -> [RefusedRow] {
            guard !rows.isEmpty else { return [] }
            let tasks = Set(batch.tasks.map(\.id))
            return rows.filter { tasks.contains($0.task) }
        }
    }

    private static let jobsMax = 64
    private static let statementMicroseconds: Int64 = 20_000_000

    let process: Process
    let database: Database
    private let world: World
    let holder: Int
    var epoch = 0
    private var waiting: [Job] = []
    private var isRunning = false
    private var failure: StoreError?
    private var isConnected = false
    private var serverStart = 0
    /// The last acknowledged transaction, by which it sees whether the database has lost some.
    private var mark: Int?
    private var isBehind = false
    private var backoff = Backoff(milliseconds: 100...3_000)
    /// Delivers a page of what the master holds.
    var held: ((Int) -> HeldPage)?

    init(_ process: Process, _ database: Database, holder: Int) {
        self.process = process
        self.database = database
        self.holder = holder
        world = process.world
    }

    var isLeader: Bool { database.isHeld(epoch: epoch, holder: holder) }
    var isIdle: Bool { !isRunning && waiting.isEmpty }

    // MARK: What the master calls

    func commit(
        _ batch: StoreBatch,
        refused: @escaping ([RefusedRow]) -> Void,
        done: @escaping (Result<Void, StoreError>) -> Void
    ) {
        waiting.append(Job(batch: batch, refused: refused, done: done))
        guard !isRunning else { return }
        isRunning = true
        process.after(20) { [self] in drain() }
    }

    func read(_ query: StoreQuery, done: @escaping (StorePage?) -> Void) {
        guard isReachable else { return process.after(1_000_000) { done(nil) } }
        process.after(database.latency()) { [self] in done(isReachable ? database.page(query) : nil) }
    }

    func lostLead() { failure = StoreError("another master leads now", isLeadLost: true) }

    private var isReachable: Bool {
        !database.isAway && world.cluster.network.isReachable(process.host, database.host)
    }

    // MARK: Writing

    private func drain() {
        let jobs = Array(waiting.prefix(Self.jobsMax))
        waiting.removeFirst(jobs.count)
        guard !jobs.isEmpty else {
            isRunning = false
            return
        }
        if let failure { return finish(jobs, .failure(failure)) }
        if jobs.count > 1 { world.used("coalesced batch") }
        let batch = StoreBatch(coalescing: jobs.map(\.batch))
        guard batch.rowCount > 0 else { return finish(jobs, .success([])) }
        write(batch, jobs)
    }

    private func finish(_ jobs: [Job], _ result: Result<[RefusedRow], StoreError>) {
        if case .failure(let error) = result { failure = error }
        // Each answer is an event of its own on the master's loop.
        for job in jobs {
            process.after(20) {
                switch result {
                case .success(let rows):
                    let own = job.own(rows)
                    if !own.isEmpty { job.refused(own) }
                    job.done(.success(()))
                case .failure(let error): job.done(.failure(error))
                }
            }
        }
        process.after(30) { [self] in drain() }
    }

    private func tryAgain(_ batch: StoreBatch, _ jobs: [Job]) {
        isConnected = false
        process.after(backoff.nextMilliseconds(jitter: 0.5) * 1_000) { [self] in write(batch, jobs) }
    }

    private func write(_ batch: StoreBatch, _ jobs: [Job]) {
        if let failure { return finish(jobs, .failure(failure)) }
        guard isReachable else { return tryAgain(batch, jobs) }
        if !isConnected { connect() }
        guard !isBehind else { return refill(batch, jobs) }
        let time = database.latency()
        if time > Self.statementMicroseconds || database.drawsFault(.storeFailure, onceIn: 100) {
            if database.drawsFault(.lateCommit, onceIn: 2) { commitLate(batch) }
            return process.after(min(time, Self.statementMicroseconds)) { [self] in tryAgain(batch, jobs) }
        }
        // The statement is the server's from here on, whatever becomes of this process.
        var isHeard = true
        if database.drawsFault(.ambiguousCommit, onceIn: 200) { isHeard = false }
        let (epoch, start) = (epoch, serverStart)
        var number: Int?
        var refused: [RefusedRow] = []
        var hasRun = false
        world.after(time) { [self] in
            guard !database.isAway else { return }
            hasRun = true
            let parts = parts(of: batch)
            refused = parts.refused
            number = database.write(parts.batch, epoch: epoch, holder: holder, serverStart: start)
        }
        process.after(time + 100) { [self] in
            guard isHeard, hasRun, isReachable else { return tryAgain(batch, jobs) }
            guard let number else {
                guard database.isHeld(epoch: epoch, holder: holder) else {
                    return finish(jobs, .failure(StoreError("another master leads now", isLeadLost: true)))
                }
                // Another start of the server: look again at what it has.
                isConnected = false
                return write(batch, jobs)
            }
            mark = number
            backoff.reset()
            finish(jobs, .success(refused))
        }
    }

    /// A statement that was given up runs to its end all the same, after later ones.
    private func commitLate(_ batch: StoreBatch) {
        let (epoch, start) = (epoch, serverStart)
        world.after(database.inside(1_000...10_000_000)) { [self] in
            guard !database.isAway else { return }
            _ = database.write(
                parts(of: batch).batch,
                epoch: epoch,
                holder: holder,
                serverStart: start,
                isLate: true
            )
        }
    }

    // MARK: A user's constraint

    /// The batch without the rows that the database refuses; a group of new rows is refused as a whole.
    private func parts(of batch: StoreBatch) -> (batch: StoreBatch, refused: [RefusedRow]) {
        var refused: [RefusedRow] = []
        var groups: Set<Int> = []
        for row in batch.tasks where isRefused(row) && isNew(row) && row.group > 0 { groups.insert(row.group) }
        var kept = batch
        kept.tasks.removeAll { row in
            guard isRefused(row) || (row.group > 0 && isNew(row) && groups.contains(row.group)) else { return false }
            refused.append(RefusedRow(task: row.id, isNew: isNew(row), reason: "a user's constraint"))
            database.noteRefused(row.idText, isNew: isNew(row))
            return true
        }
        for _ in refused { world.happened(.refusedRow) }
        return (kept, refused)
    }

    private func isNew(_ row: TaskRow) -> Bool { row.spec != nil && database.tasks[row.idText] == nil }

    private func isRefused(_ row: TaskRow) -> Bool {
        guard world.configuration.faults.contains(.refusedRow) else { return false }
        return world.cluster.ledger.isRefused(row, isNew: isNew(row), changesToo: database.refusesChanges)
    }

    // MARK: A database that came back with less

    private func connect() {
        isConnected = true
        serverStart = database.serverStart
        if let mark, !database.has(mark) { isBehind = true }
    }

    private func refill(_ batch: StoreBatch, _ jobs: [Job]) {
        world.used("refill")
        page(0, live: [], batch, jobs)
    }

    private func page(_ position: Int, live: Set<String>, _ batch: StoreBatch, _ jobs: [Job]) {
        process.after(database.latency()) { [self] in
            guard isReachable, let page = held?(position) else { return tryAgain(batch, jobs) }
            let written = parts(of: page.batch).batch
            guard database.write(written, epoch: epoch, holder: holder, serverStart: serverStart) != nil else {
                guard database.isHeld(epoch: epoch, holder: holder) else {
                    return finish(jobs, .failure(StoreError("another master leads now", isLeadLost: true)))
                }
                return tryAgain(batch, jobs)
            }
            var live = live
            for row in page.batch.tasks where !row.status.isTerminal { live.insert(row.idText) }
            if let next = page.next { return self.page(next, live: live, batch, jobs) }
            database.endUnknown(besides: live, at: process.tick.wall)
            (isBehind, mark) = (false, database.lastTransaction)
            database.settled()
            write(batch, jobs)
        }
    }
}
