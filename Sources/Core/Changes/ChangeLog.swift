/// What the store is still to be handed: rows that changed, rows that are gone, transitions, and what it has refused.
///
/// A task carries the flag `changed` exactly while its slot is listed here; the state before, with all batches since, is the
/// state after.
struct ChangeLog {
    /// Seconds between two writes of the last heartbeat of a node to which nothing else happens.
    static let heartbeatWriteSeconds = 30
    private static let retryMillisecondsMin: Int64 = 5_000
    private static let retryMillisecondsMax: Int64 = 300_000

    private struct UnsavedTask {
        /// Monotonic milliseconds.
        var retryAt: Int64
        var delayMilliseconds: Int64
    }

    private var tasks: [TaskSlot] = []
    /// Tasks that are held no longer, or were imported where there was no room, before the store had their last version.
    private var forgottenRows: [TaskRow] = []
    /// See `StoreBatch`.
    private var forgottenUpTo: Int64 = 0
    /// It grew since the last batch.
    private var hasForgotten = false
    private var nodes: [NodeIndex] = []
    private var removedNodes: [String] = []
    /// Monotonic milliseconds at which last heartbeats are to be written next.
    private var nextHeartbeatWrite: Int64 = 0
    private var heartbeatWrites = 0
    /// Transitions since the last batch, for a store that keeps them.
    private var events: [TaskEventRow] = []
    /// The store has not been handed yet that this run begins.
    private var isRunNew = false
    /// Tasks that are new with one request, which is refused as a whole, by the number of that.
    private var groups: [TaskID: Int] = [:]
    private var lastGroup = 0
    /// Tasks whose last changes the store has refused.
    private var unsaved: [TaskID: UnsavedTask] = [:]
    /// Grows with every import that took something.
    private(set) var importNumber = 0
    /// All that is held is being read for a store that lost some of it.
    var isRefilling = false

    var isEmpty: Bool {
        tasks.isEmpty && forgottenRows.isEmpty && !hasForgotten && nodes.isEmpty && removedNodes.isEmpty && !isRunNew
    }

    // MARK: Tasks

    mutating func mark(_ slot: TaskSlot, _ records: inout TaskTable) {
        guard !records[slot].flags.contains(.changed) else { return }
        records[slot].flags.insert(.changed)
        tasks.append(slot)
    }

    mutating func append(forgotten row: TaskRow) { forgottenRows.append(row) }

    /// Moves the time up to which ended tasks are forgotten.
    mutating func forget(upTo time: Int64) {
        guard time > forgottenUpTo else { return }
        forgottenUpTo = time
        hasForgotten = true
    }

    mutating func importedSome() { importNumber += 1 }

    /// The number for so many new tasks of one request, which are all taken or none.
    mutating func nextGroup() -> Int {
        lastGroup += 1
        return lastGroup
    }

    /// Puts a new task in the group of its request, unless it is in one already.
    mutating func put(_ task: TaskID, inGroup group: Int) { groups[task] = groups[task] ?? group }

    // MARK: Nodes

    /// Lists a node. A heartbeat is no change, nor is a task that it gets.
    mutating func mark(_ index: NodeIndex, _ records: inout NodeTable) {
        guard !records[index].isChanged else { return }
        records[index].isChanged = true
        nodes.append(index)
    }

    mutating func append(removedNode id: String) { removedNodes.append(id) }

    /// Lists nodes online whose last heartbeat is to be written, each second some of them, so that all have their turn in
    /// `heartbeatWriteSeconds`.
    mutating func markHeard(now: Int64, _ records: inout NodeTable) {
        guard now >= nextHeartbeatWrite else { return }
        nextHeartbeatWrite = now + 1_000
        heartbeatWrites += 1
        let part = heartbeatWrites % Self.heartbeatWriteSeconds
        for index in records.sorted
        where index.offset % Self.heartbeatWriteSeconds == part && records[index].isOnline {
            mark(index, &records)
        }
    }

    // MARK: Transitions

    mutating func append(_ event: TaskEventRow) { events.append(event) }

    mutating func beginRun() { isRunNew = true }

    // MARK: What the store has refused

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

    /// Refused tasks that are to be tried again; each gets its next time.
    mutating func takeRetries(now: Int64) -> [TaskID] {
        guard !unsaved.isEmpty else { return [] }
        let due = unsaved.filter { $0.value.retryAt <= now }.map(\.key)
        for task in due { unsaved[task]?.retryAt = now + Self.retryMillisecondsMax }
        return due
    }

    // MARK: Batches

    /// Takes all that is listed.
    mutating func takeBatch(
        _ records: inout TaskTable,
        _ nodeRecords: inout NodeTable,
        epoch: String
    ) -> StoreBatch {
        var batch = StoreBatch()
        swap(&batch.tasks, &forgottenRows)
        batch.tasks.reserveCapacity(batch.tasks.count + tasks.count)
        for slot in tasks where records[slot].flags.contains(.changed) {
            batch.tasks.append(TaskRow(slot, records, nodeRecords))
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

    /// The same for a store that keeps none: nothing is copied.
    mutating func drop(_ records: inout TaskTable, _ nodeRecords: inout NodeTable) {
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

    /// What must always hold: a task has the flag iff its slot is listed. A slot stands there twice where its task was
    /// forgotten and another took it before the batch; the flag sees to it that it is written once.
    func checkInvariants(_ records: borrowing TaskTable) -> String? {
        let listed = Set(tasks.filter { records[$0].flags.contains(.changed) })
        var flagged = 0
        for offset in 0..<records.slotCount where records[TaskSlot(offset: offset)].flags.contains(.changed) {
            flagged += 1
        }
        return flagged == listed.count ? nil : "\(flagged) tasks are changed, \(listed.count) are listed"
    }
}
