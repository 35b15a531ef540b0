import PodlingCore
import PodlingProtocol

/// A row of a task with what the checkers want to know of it.
struct StoredTask {
    var row: TaskRow
    /// The transaction that wrote it last.
    var transaction: Int
    /// Whether a statement that was given up wrote it last: what does not count as progress may be older then.
    var isLate = false
    /// Whether a master has been told that this row's changes are refused.
    var isRefused = false
}

/// The leader's row.
struct StoredLeader {
    var epoch = 0
    var holder: Int?
    var address: String?
    /// Microseconds.
    var expiresAt: Int64 = 0
}

/// The database that the masters share: rows, a fence, and the faults of a server. It outlives all of them.
final class Database {
    private enum Undo {
        case task(id: String, StoredTask?)
        case node(id: String, NodeRow?)
    }

    private struct UndoEntry {
        var time: Int64
        var transaction: Int
        var undo: Undo
    }

    private static let undoMicroseconds: Int64 = 4_000_000

    let world: World
    let host: Int
    private(set) var tasks: [String: StoredTask] = [:]
    /// The ids of all tasks, sorted.
    private(set) var ids: [String] = []
    /// Tasks that have not ended.
    private(set) var liveCount = 0
    private(set) var nodes: [String: NodeRow] = [:]
    var leader = StoredLeader()
    /// Microseconds at which the present leader took the lead.
    private(set) var ledSince: Int64 = 0
    private(set) var lastTransaction = 0
    /// Transactions that are gone, as ranges.
    private var lost: [ClosedRange<Int>] = []
    private var undo: [UndoEntry] = []
    /// Which start of the server this is.
    private(set) var serverStart = 0
    /// Until then no statement is answered; or no connection is made.
    private(set) var stalledUntil: Int64 = 0
    private(set) var awayUntil: Int64 = 0
    /// Whether rows that were acknowledged are missing, until they are written again.
    private(set) var isBehind = false
    /// The tasks that were new, and refused.
    private(set) var refusedNew: Set<String> = []
    /// Whether a user's constraint refuses changes now.
    var refusesChanges = false
    private var random: SplitMix64

    init(_ world: World, host: Int) {
        self.world = world
        self.host = host
        random = world.split()
    }

    var isAway: Bool { awayUntil > world.now }
    func drawsFault(_ fault: Fault, onceIn count: Int) -> Bool { world.strikes(fault, onceIn: count, &random) }

    /// Microseconds that a statement takes.
    func latency() -> Int64 {
        let own = random.once(in: 50) ? random.inside(5_000...200_000) : random.inside(200...2_500)
        return max(0, stalledUntil - world.now) + own
    }

    func inside(_ range: ClosedRange<Int64>) -> Int64 { random.inside(range) }
    func once(in count: Int) -> Bool { random.once(in: count) }

    // MARK: Faults

    func stall(milliseconds: Int64) { stalledUntil = max(stalledUntil, world.now + milliseconds * 1_000) }

    func goAway(milliseconds: Int64) {
        awayUntil = max(awayUntil, world.now + milliseconds * 1_000)
        serverStart += 1
    }

    func heal() {
        (stalledUntil, awayUntil) = (0, 0)
        refusesChanges = false
    }

    /// Comes back without the last transactions, as after a failover to a lagging standby; never without the lead of the
    /// present leader, for which there is no cure.
    func loseTail(milliseconds: Int64) {
        let from = max(world.now - milliseconds * 1_000, ledSince)
        guard let first = undo.firstIndex(where: { $0.time > from }) else { return }
        let transaction = undo[first].transaction
        var touched: [String: TaskRow] = [:]
        for entry in undo[first...].reversed() {
            switch entry.undo {
            case .task(let id, let before):
                if touched[id] == nil { touched[id] = tasks[id]?.row }
                set(id, before)
            case .node(let id, let before): nodes[id] = before
            }
        }
        undo.removeSubrange(first...)
        lost.append(transaction...lastTransaction)
        isBehind = true
        serverStart += 1
        world.happened(.storeLoss)
        world.trace("the database comes back without transactions \(transaction)...\(lastTransaction)")
        world.cluster.checkers.lost(touched)
    }

    /// Whether a transaction is part of what is there.
    func has(_ transaction: Int) -> Bool { !lost.contains { $0.contains(transaction) } }

    /// What was missing is written again, or can no longer be.
    func settled() {
        isBehind = false
        world.cluster.checkers.settled()
    }

    // MARK: The lead

    func takeLead(holder: Int, address: String?, milliseconds: Int64) -> Int {
        leader.epoch += 1
        leader.holder = holder
        leader.address = address
        leader.expiresAt = world.now + milliseconds * 1_000
        ledSince = world.now
        if isBehind {
            // The one who could have mended it is no longer the leader.
            isBehind = false
            world.cluster.checkers.gaveUpLost()
        }
        world.used("takeover")
        world.trace("master holder \(holder) leads in epoch \(leader.epoch)")
        return leader.epoch
    }

    // MARK: Writing

    func isHeld(epoch: Int, holder: Int) -> Bool { leader.epoch == epoch && leader.holder == holder }

    /// Writes a batch as one transaction.
    /// - Returns: its number; nil where the fence is not passed.
    func write(_ batch: StoreBatch, epoch: Int, holder: Int, serverStart: Int, isLate: Bool = false) -> Int? {
        guard isHeld(epoch: epoch, holder: holder), serverStart == self.serverStart else { return nil }
        world.cluster.checkers.wrote(epoch: epoch, holder: holder)
        lastTransaction += 1
        forgetUndo()
        for row in batch.tasks { write(row, isLate: isLate) }
        for id in batch.removedNodeIDs {
            remember(.node(id: id, nodes[id]))
            nodes[id] = nil
        }
        for row in batch.nodes {
            remember(.node(id: row.id, nodes[row.id]))
            nodes[row.id] = row
            nodes[row.id]?.engineError = nil
        }
        return lastTransaction
    }

    /// A task's row moves only forward, as the real statement sees to.
    private func write(_ row: TaskRow, isLate: Bool) {
        let id = row.idText
        let before = tasks[id]
        guard row.spec != nil || before != nil else { return }
        if let before, (before.row.attempt, before.row.stepInAttempt) > (row.attempt, row.stepInAttempt) { return }
        var after = row
        if let before {
            after.spec = before.row.spec
            after.createdAt = before.row.createdAt
            after.isCancelRequested = before.row.isCancelRequested || row.isCancelRequested
            // An order to end that is stored stays with its attempt, as in the real statement.
            let isSameStep = (before.row.attempt, before.row.status) == (row.attempt, row.status)
            if isSameStep, row.reason == .none { after.reason = before.row.reason }
        }
        after.group = 0
        world.cluster.checkers.writes(before?.row, after)
        remember(.task(id: id, before))
        var stored = StoredTask(row: after, transaction: lastTransaction)
        (stored.isLate, stored.isRefused) = (isLate, before?.isRefused ?? false)
        set(id, stored)
    }

    private func set(_ id: String, _ task: StoredTask?) {
        if task == nil || tasks[id] == nil {
            let place = place(of: id)
            if task != nil {
                ids.insert(id, at: place)
            } else if place < ids.count, ids[place] == id {
                ids.remove(at: place)
            }
        }
        if tasks[id]?.row.status.isTerminal == false { liveCount -= 1 }
        if task?.row.status.isTerminal == false { liveCount += 1 }
        tasks[id] = task
    }

    /// Where an id is among all, or would be.
    func place(of id: String) -> Int {
        var low = 0
        var high = ids.count
        if let last = ids.last, last < id { low = high }
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func noteRefused(_ id: String, isNew: Bool) {
        if isNew { refusedNew.insert(id) } else { tasks[id]?.isRefused = true }
    }

    private func remember(_ entry: Undo) {
        undo.append(UndoEntry(time: world.now, transaction: lastTransaction, undo: entry))
    }

    private func forgetUndo() {
        guard undo.count > 4_096 else { return }
        let oldest = world.now - Self.undoMicroseconds
        undo.removeFirst(undo.firstIndex { $0.time >= oldest } ?? undo.count)
    }

    /// Ends tasks whose end nobody knows any more.
    func endUnknown(besides live: Set<String>, at wall: Int64) {
        for id in ids {
            guard var task = tasks[id], !task.row.status.isTerminal, !live.contains(id) else { continue }
            (task.row.status, task.row.reason, task.row.finishedAt) = (.failed, .nodeLost, wall)
            set(id, task)
            world.cluster.checkers.acknowledged.excuse(id)
        }
    }
}
