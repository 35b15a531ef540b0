import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PodlingCore
import PodlingStore

/// Stores tasks in PostgreSQL with group commit: while one transaction runs, everything that arrives joins the next.
///
/// Each transaction checks its fencing token, the epoch of this master's lead: after another took over, this one writes
/// nothing more. A transaction whose outcome is unknown is retried: all of them are idempotent.
package final class PostgresStore: Store {
    private typealias Done = @Sendable (Result<Void, StoreError>) -> Void

    private struct Job {
        let batch: StoreBatch
        let refused: @Sendable ([RefusedRow]) -> Void
        let done: Done

        /// Reports the rejected rows of its own tasks.
        func tell(_ rows: [RefusedRow]) {
            guard !rows.isEmpty else { return }
            let own = Set(batch.tasks.map(\.id))
            let ownRows = rows.filter { own.contains($0.task) }
            if !ownRows.isEmpty { refused(ownRows) }
        }
    }

    private struct Queue {
        var waiting: [Job] = []
        var isRunning = false
        var failure: StoreError?
        /// Tasks with changes that were not acknowledged when the lead was lost, or that the database rejected.
        var unacknowledged: Set<TaskID> = []

        /// The tasks whose last changes are not acknowledged.
        var open: Set<TaskID> { waiting.reduce(into: unacknowledged) { $0.formUnion($1.batch.tasks.lazy.map(\.id)) } }

        /// A new task that the database refuses is none; a refused change of another stays open until it is written.
        mutating func wrote(_ jobs: [Job], except refused: [RefusedRow]) {
            if !unacknowledged.isEmpty { for job in jobs { unacknowledged.subtract(job.batch.tasks.lazy.map(\.id)) } }
            for row in refused where !row.isNew { unacknowledged.insert(row.task) }
        }

        /// Takes the oldest jobs, up to about `transactionRowsMax` rows; at least one where any waits.
        mutating func take() -> [Job] {
            var rows = 0
            let end = waiting.indices.first { index in
                defer { rows += waiting[index].batch.rowCount }
                return rows >= PostgresStore.transactionRowsMax
            }
            let jobs = Array(waiting[..<(end ?? waiting.endIndex)])
            waiting.removeFirst(jobs.count)
            return jobs
        }
    }

    /// A transaction with this many rows is closed to further batches: a longer one would exceed its deadline.
    static let transactionRowsMax = 20_000

    package static let leaseMillisecondsDefault = 3_000

    package let leadership: AsyncStream<StoreLeadership>
    private let news: AsyncStream<StoreLeadership>.Continuation
    private let election: Election
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let writer: TaskWriter
    private let mover: HistoryMover
    private let retention: Retention
    private let eventsMax: Int?
    private let epoch = NIOLockedValueBox(0)
    private let replicaReads: ReadPool?
    private let primaryReads: ReadPool
    private let queue = NIOLockedValueBox(Queue())

    /// Connects, migrates, and becomes a candidate for the lead, at once or from the first `advertise` on.
    ///
    /// - Parameters:
    ///   - readURL: a replica for reads of what the master does not hold; the primary is the fallback while it is
    ///     unreachable.
    ///   - address: where other masters' peers reach this one, HOST:PORT; see also `advertise`.
    ///   - isPrepared: whether statements are prepared; must be false behind a PgBouncer older than 1.21 in transaction
    ///     mode.
    ///   - mayMigrate: whether it brings older tables up to date; else they are rejected.
    ///   - eventsMax: how many transitions are loaded; nil where none are kept.
    ///   - health: that of an earlier store of this process, whose losses are still reported.
    /// - Throws: `PGError`.
    package static func open(
        url: String,
        readURL: String? = nil,
        name: String,
        address: String? = nil,
        standsAtOnce: Bool = true,
        leaseMilliseconds: Int = leaseMillisecondsDefault,
        isPrepared: Bool = true,
        retention: Retention = Retention(),
        mayMigrate: Bool = true,
        eventsMax: Int? = nil,
        health: DatabaseHealth? = nil,
        logger: Logger
    ) async throws -> PostgresStore {
        let health = health ?? DatabaseHealth(logger: logger)
        let election = Election(
            url: url,
            name: name,
            address: address,
            standsAtOnce: standsAtOnce,
            leaseMilliseconds: leaseMilliseconds,
            mayMigrate: mayMigrate,
            health: health,
            logger: logger
        )
        let primaryReads = ReadPool(url: url, logger: logger)
        let replicaReads = readURL.map {
            ReadPool(url: $0, variable: "DATABASE_READ_URL", fallback: primaryReads, logger: logger)
        }
        let store = PostgresStore(
            election,
            TaskWriter(url: url, isPrepared: isPrepared, health: health, logger: logger),
            replicaReads,
            primaryReads,
            HistoryMover(url: url, retention: retention, logger: logger),
            retention,
            eventsMax
        )
        let (writer, queue, news, epoch) = (store.writer, store.queue, store.news, store.epoch)
        try await election.start { said in
            switch said {
            case .leading(let number, let holder):
                writer.lead(epoch: number, holder: holder)
                epoch.withLockedValue { $0 = number }
                news.yield(.leading)
            case .standby(let leader): news.yield(.standby(leader: leader))
            case .lost:
                queue.withLockedValue { $0.failure = StoreError(PGError.leadLost.message, isLeadLost: true) }
                news.yield(.lost)
                store.pool.submit { state in if state == .active { store.drain() } }
            }
        }
        store.pool.start()
        primaryReads.start()
        replicaReads?.start()
        replicaReads?.check()
        return store
    }

    private init(
        _ election: Election,
        _ writer: TaskWriter,
        _ replicaReads: ReadPool?,
        _ primaryReads: ReadPool,
        _ mover: HistoryMover,
        _ retention: Retention,
        _ eventsMax: Int?
    ) {
        self.eventsMax = eventsMax
        self.replicaReads = replicaReads
        self.primaryReads = primaryReads
        self.mover = mover
        self.retention = retention
        self.election = election
        self.writer = writer
        (leadership, news) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(16))
    }

    package func advertise(_ address: String) { election.advertise(address) }

    package var name: String { "postgres" }

    package var keepsRows: Bool { true }

    package var health: StoreHealth {
        var health = writer.health.health
        health.silentMilliseconds = election.contact.silentMilliseconds
        return health
    }

    package func refills(from source: @escaping HeldSource) { writer.source.withLockedValue { $0 = source } }

    package func read(_ query: StoreQuery, done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void) {
        // A replica may lag.
        if case .existing = query { return primaryReads.read(query, done: done) }
        (replicaReads ?? primaryReads).read(query, done: done)
    }

    package func load(_ take: @escaping @Sendable (StoreBatch) async throws -> Void) async throws {
        let (writer, retention) = (writer, retention)
        // A leader that cannot write is useless: connect before announcing the lead.
        try await pool.runIfActive { try writer.connect() }
        let endedUpTo = try await pool.runIfActive { try writer.openCursor(retention) }
        var kept = StoreBatch()
        kept.nodes = try await pool.runIfActive { try writer.nodeRows() }
        kept.lastTaskID = try await pool.runIfActive { try writer.lastID() }
        var events: [TaskEventRow] = []
        if let eventsMax {
            let (trail, rows) = try await pool.runIfActive { try writer.lastEvents(max: eventsMax) }
            (kept.trail, events) = (trail, rows)
        }
        try await take(kept)
        while true {
            guard let rows = try await pool.runIfActive({ try writer.nextRows() }) else { break }
            try await take(StoreBatch(tasks: rows))
        }
        try await pool.runIfActive { try writer.closeCursor() }
        try await pool.runIfActive { try writer.openAdoption(endedMax: retention.heldMax) }
        while true {
            let rows = try await pool.runIfActive { try writer.nextAdopted() }
            guard !rows.isEmpty else { break }
            try await take(StoreBatch(tasks: rows))
        }
        try await pool.runIfActive {
            try writer.closeAdoption()
            try writer.endLoad()
        }
        var last = StoreBatch()
        last.events = events
        try await take(last)
        mover.start(epoch: epoch.withLockedValue { $0 }, forgottenUpTo: endedUpTo)
    }

    package func commit(
        _ batch: StoreBatch,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) -> StoreAnswer {
        commit(batch, refused: { _ in }, done: done)
    }

    package func commit(
        _ batch: StoreBatch,
        refused: @escaping @Sendable ([RefusedRow]) -> Void,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) -> StoreAnswer {
        let isFirst = queue.withLockedValue { queue in
            queue.waiting.append(Job(batch: batch, refused: refused, done: done))
            defer { queue.isRunning = true }
            return !queue.isRunning
        }
        if isFirst { pool.submit { state in state == .active ? self.drain() : self.abandon() } }
        return .later
    }

    package func giveUp(inMilliseconds milliseconds: Int) { writer.giveUp(inMilliseconds: milliseconds) }

    package func close() async {
        writer.giveUp(inMilliseconds: TaskWriter.closeMilliseconds)
        mover.stop()
        // Wait for the jobs that were queued before.
        try? await pool.runIfActive {}
        try? await pool.shutdownGracefully()
        await replicaReads?.close()
        await primaryReads.close()
        await election.close()
        await mover.close()
        news.finish()
    }

    /// Writes until the queue is empty, on the store's own thread.
    private func drain() {
        while true {
            let (jobs, failure) = queue.withLockedValue { queue in
                let jobs = queue.take()
                if jobs.isEmpty { queue.isRunning = false }
                return (jobs, queue.failure)
            }
            guard !jobs.isEmpty else {
                guard failure?.isLeadLost == true else { return }
                return writer.sayWhatIsLost { queue.withLockedValue { $0.open } }
            }
            let result: Result<[RefusedRow], StoreError>
            if let failure {
                result = .failure(failure)
            } else {
                let batch = StoreBatch(coalescing: jobs.map(\.batch))
                result = writer.write(batch)
                if case .success = result { mover.forget(upTo: batch.forgottenUpTo) }
            }
            switch result {
            case .success(let refused):
                queue.withLockedValue { $0.wrote(jobs, except: refused) }
                for job in jobs {
                    job.tell(refused)
                    job.done(.success(()))
                }
            case .failure(let error):
                queue.withLockedValue { queue in
                    queue.failure = error
                    for job in jobs { queue.unacknowledged.formUnion(job.batch.tasks.lazy.map(\.id)) }
                }
                for job in jobs { job.done(.failure(error)) }
            }
        }
    }

    private func abandon() {
        let jobs = queue.withLockedValue { queue in
            defer { queue.waiting.removeAll() }
            return queue.waiting
        }
        for job in jobs { job.done(.failure(StoreError("the store is closed"))) }
    }
}
