/// The changes not yet handed to the store: changed rows, removed rows, transitions, and the changes that it refused.
///
/// A task has the flag `changed` exactly while its slot is listed here; the state before plus all batches since is the
/// state after.
struct ChangeLog {
    /// Seconds between two writes of `last_heartbeat` for a node that does not change otherwise.
    static let heartbeatWriteSeconds = 30
    private static let retryMillisecondsMin: Int64 = 5_000
    private static let retryMillisecondsMax: Int64 = 300_000

    private struct UnsavedTask {
        /// Monotonic milliseconds.
        var retryAt: Int64
        var delayMilliseconds: Int64
    }

    private var tasks: [TaskSlot] = []
    /// Tasks that were forgotten, or imported without capacity to hold them, before the store had their last version.
    private var forgottenRows: [TaskRow] = []
    /// See `StoreBatch.forgottenUpTo`.
    private var forgottenUpTo: Int64 = 0
    /// Whether it grew since the last batch.
    private var hasForgotten = false
    private var nodes: [NodeIndex] = []
    private var removedNodes: [String] = []
    /// Monotonic milliseconds of the next write of heartbeats.
    private var nextHeartbeatWrite: Int64 = 0
    private var heartbeatWrites = 0
    /// Transitions since the last batch, for a store that keeps them.
    private var events: [TaskEventRow] = []
    /// Whether the store has yet to be informed that this run begins.
    private var isRunNew = false
    /// The group of each new task whose request is stored as a whole or refused as a whole.
    private var groups: [TaskID: Int] = [:]
    private var lastGroup = 0
    /// Tasks whose last changes the store refused.
    private var unsaved: [TaskID: UnsavedTask] = [:]
    /// Increases with every import that took something.
    private(set) var importNumber = 0
    /// Whether everything held is being read for a store that lost some of it.
    private(set) var isRefilling = false

    var isEmpty: Bool {
        tasks.isEmpty && forgottenRows.isEmpty && !hasForgotten && nodes.isEmpty && removedNodes.isEmpty && !isRunNew
    }

    // MARK: Tasks

    mutating func mark(_ slot: TaskSlot, _ records: inout TaskRecords) {
        guard !records[slot].flags.contains(.changed) else { return }
        records[slot].flags.insert(.changed)
        tasks.append(slot)
    }

    mutating func append(forgotten row: TaskRow) { forgottenRows.append(row) }

    /// Advances the time up to which terminal tasks are forgotten.
    mutating func forget(upTo time: Int64) {
        guard time > forgottenUpTo else { return }
        forgottenUpTo = time
        hasForgotten = true
    }

    mutating func beginRefill() { isRefilling = true }

    mutating func endRefill() { isRefilling = false }

    mutating func importedSome() { importNumber += 1 }

    /// A new group number, for new tasks of one request that are stored all or none.
    mutating func nextGroup() -> Int {
        lastGroup += 1
        return lastGroup
    }

    /// Puts a new task into the group of its request, unless it is in a group already.
    mutating func put(_ task: TaskID, inGroup group: Int) { groups[task] = groups[task] ?? group }

    // MARK: Nodes

    /// Lists a node as changed. A heartbeat or an assignment is no change.
    mutating func mark(_ index: NodeIndex, _ records: inout NodeRecords) {
        guard !records[index].isChanged else { return }
        records[index].isChanged = true
        nodes.append(index)
    }

    mutating func append(removedNode id: String) { removedNodes.append(id) }

    /// Lists those of all nodes, `sorted`, that are online and whose heartbeat is due to be written: each second a part of them, so that each has its turn
    /// within `heartbeatWriteSeconds`.
    mutating func markHeard(_ sorted: [NodeIndex], now: Int64, _ records: inout NodeRecords) {
        guard now >= nextHeartbeatWrite else { return }
        nextHeartbeatWrite = now + 1_000
        heartbeatWrites += 1
        let part = heartbeatWrites % Self.heartbeatWriteSeconds
        for index in sorted
        where index.offset % Self.heartbeatWriteSeconds == part && records[index].isOnline {
            mark(index, &records)
        }
    }

    // MARK: Transitions

    mutating func append(_ event: TaskEventRow) { events.append(event) }

    mutating func beginRun() { isRunNew = true }

    // MARK: Refused changes

    var unsavedCount: Int { unsaved.count }

    func isUnsaved(_ task: TaskID) -> Bool { !unsaved.isEmpty && unsaved[task] != nil }

    mutating func refused(_ task: TaskID, now: Int64) {
        let delay = min(2 * (unsaved[task]?.delayMilliseconds ?? 0), Self.retryMillisecondsMax)
        let bounded = max(delay, Self.retryMillisecondsMin)
        unsaved[task] = UnsavedTask(retryAt: now + bounded, delayMilliseconds: bounded)
    }

    /// - Returns: whether the store had refused it.
    @discardableResult
    mutating func settle(_ task: TaskID) -> Bool { unsaved.removeValue(forKey: task) != nil }

    /// Removes and returns the refused tasks whose retry is due; the next retry of each is scheduled.
    mutating func takeRetries(now: Int64) -> [TaskID] {
        guard !unsaved.isEmpty else { return [] }
        let due = unsaved.filter { $0.value.retryAt <= now }.map(\.key)
        for task in due { unsaved[task]?.retryAt = now + Self.retryMillisecondsMax }
        return due
    }

    // MARK: Batches

    /// Removes and returns everything listed.
    mutating func takeBatch(
        _ foreign: ForeignTaskIDs,
        _ records: inout TaskRecords,
        _ nodeRecords: inout NodeRecords,
        epoch: String
    ) -> StoreBatch {
        var batch = StoreBatch()
        swap(&batch.tasks, &forgottenRows)
        batch.tasks.reserveCapacity(batch.tasks.count + tasks.count)
        for slot in tasks where records[slot].flags.contains(.changed) {
            batch.tasks.append(TaskRow(slot, records, foreign, nodeRecords))
            records[slot].flags.subtract([.changed, .unsaved])
        }
        if !groups.isEmpty || !unsaved.isEmpty { noteGroups(&batch) }
        batch.forgottenUpTo = forgottenUpTo
        for index in nodes where nodeRecords[index].isChanged {
            batch.nodes.append(NodeRow(nodeRecords[index]))
            nodeRecords[index].isChanged = false
        }
        batch.removedNodeIDs = removedNodes
        batch.events = events
        batch.newRun = isRunNew ? epoch : nil
        clear()
        return batch
    }

    /// Discards everything listed, for a store that keeps none; nothing is copied.
    mutating func drop(_ records: inout TaskRecords, _ nodeRecords: inout NodeRecords) {
        forgottenRows.removeAll()
        for slot in tasks { records[slot].flags.subtract([.changed, .unsaved]) }
        for index in nodes { nodeRecords[index].isChanged = false }
        clear()
    }

    private mutating func clear() {
        hasForgotten = false
        tasks.removeAll(keepingCapacity: true)
        nodes.removeAll(keepingCapacity: true)
        removedNodes.removeAll(keepingCapacity: true)
        events.removeAll()
        isRunNew = false
        if !groups.isEmpty { groups.removeAll() }
    }

    private func noteGroups(_ batch: inout StoreBatch) {
        for index in batch.tasks.indices {
            let id = batch.tasks[index].id
            if let group = groups[id] { batch.tasks[index].group = group }
            if unsaved[id] != nil { batch.retried.append(id) }
        }
    }

    /// Checks the invariant: a task has the flag iff its slot is listed. A slot is listed twice if its task was
    /// forgotten and another took the slot before the batch; the flag ensures that it is written once.
    func checkInvariants(_ records: borrowing TaskRecords) -> String? {
        let listed = Set(tasks.filter { records[$0].flags.contains(.changed) })
        var flagged = 0
        for offset in 0..<records.slotCount where records[TaskSlot(offset: offset)].flags.contains(.changed) {
            flagged += 1
        }
        return flagged == listed.count ? nil : "\(flagged) tasks are changed, \(listed.count) are listed"
    }
}
