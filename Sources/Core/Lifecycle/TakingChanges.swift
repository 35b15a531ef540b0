import PodlingProtocol

/// A task as a store keeps it: everything the core needs to go on with it.
public struct TaskRow: Sendable, Equatable {
    public var id: TaskID
    /// The id that another system gave; nil where it is one of ours. `id` then counts in this run only.
    public var foreignID: String?
    public var attempt = 0
    public var unchargedAttempts = 0
    public var rejections = 0
    public var status = TaskStatus.pending
    public var reason = TaskReason.none
    public var isCancelRequested = false
    public var exitCode: Int?
    public var nodeID: String?
    public var containerID: String?
    public var error: String?
    public var detail: String?
    /// Milliseconds since 1970; 0 means not yet.
    public var createdAt: Int64
    public var scheduledAt: Int64 = 0
    public var startedAt: Int64 = 0
    public var finishedAt: Int64 = 0
    /// The spec's members without the braces; nil where the store has it already.
    public var spec: [UInt8]?
    /// When it was imported, in milliseconds since 1970; 0 means never.
    public var importedAt: Int64 = 0
    /// Its row is another program's, and its spec was made of what that row says.
    public var isAdopted = false
    /// Why no worker can run it, where its spec does not say so; for people.
    public var fault: String?
    /// New rows of one number are written together, or none of them; 0 stands alone.
    public var group = 0

    public init(id: TaskID, createdAt: Int64) {
        self.id = id
        self.createdAt = createdAt
    }

    /// A task whose id another system gave.
    public init(foreignID: String, createdAt: Int64) {
        self.init(id: TaskID(number: 0), createdAt: createdAt)
        self.foreignID = foreignID
    }

    /// The id as it is written.
    public var idText: String { foreignID ?? id.text }
}

/// What changed in a turn. It must be durable before the turn's effects leave. What a store loads has the same shape.
public struct StoreBatch: Sendable {
    /// One row a task, its latest version.
    public var tasks: [TaskRow] = []
    /// The core has forgotten the tasks that ended by then (or were imported by then, if that is later), in milliseconds
    /// since 1970; 0 is none. One whose end was reported late may be held still, and does not change any more.
    public var forgottenUpTo: Int64 = 0
    /// One row a node, its latest version; it counts more than the same node among `removedNodeIDs`.
    public var nodes: [NodeRow] = []
    /// Nodes that are forgotten.
    public var removedNodeIDs: [String] = []
    /// Transitions by number, where they are kept.
    public var events: [TaskEventRow] = []
    /// The epoch of a run that begins, and keeps its transitions.
    public var newRun: String?
    /// Tasks whose last versions the store has refused before.
    public var retried: [TaskID] = []
    /// Of what is loaded: how the transitions go on.
    public var trail: EventTrail?

    public init(tasks: [TaskRow] = []) { self.tasks = tasks }
}

extension MasterCore {
    /// Whether something changed since the last `takeChanges`.
    public var hasChanges: Bool {
        !changedTasks.isEmpty || !forgottenRows.isEmpty || hasForgotten || !changedNodes.isEmpty
            || !removedNodes.isEmpty
            || isRunNew
    }

    /// The changes since the last call, for a store that keeps rows.
    public mutating func takeChanges() -> StoreBatch {
        var batch = StoreBatch()
        swap(&batch.tasks, &forgottenRows)
        batch.tasks.reserveCapacity(batch.tasks.count + changedTasks.count)
        for slot in changedTasks where tasks[slot].flags.contains(.changed) {
            batch.tasks.append(row(slot))
            tasks[slot].flags.subtract([.changed, .unsaved])
        }
        if !groups.isEmpty || !unsaved.isEmpty { noteGroups(&batch) }
        batch.forgottenUpTo = forgottenUpTo
        for index in changedNodes where nodes[index].isChanged {
            batch.nodes.append(nodeRow(index))
            nodes[index].isChanged = false
        }
        batch.removedNodeIDs = removedNodes
        batch.events = audited
        batch.newRun = isRunNew ? configuration.epoch : nil
        clearChanges()
        return batch
    }

    /// The same for a store that keeps none: nothing is copied.
    public mutating func dropChanges() {
        forgottenRows.removeAll()
        for slot in changedTasks { tasks[slot].flags.subtract([.changed, .unsaved]) }
        for index in changedNodes { nodes[index].isChanged = false }
        clearChanges()
    }

    private mutating func clearChanges() {
        hasForgotten = false
        changedTasks.removeAll(keepingCapacity: true)
        changedNodes.removeAll(keepingCapacity: true)
        removedNodes.removeAll(keepingCapacity: true)
        audited.removeAll()
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

    func row(_ slot: TaskSlot) -> TaskRow {
        let record = tasks[slot]
        var row = TaskRow(id: record.id, createdAt: record.createdAt)
        if record.id.isForeign { row.foreignID = tasks.text(of: record.id) }
        row.importedAt = record.importedAt
        row.isAdopted = record.flags.contains(.adopted)
        row.attempt = Int(record.attempt)
        row.unchargedAttempts = Int(record.unchargedAttempts)
        row.rejections = Int(record.rejections)
        row.status = record.status
        row.reason = record.reason
        row.isCancelRequested = record.flags.contains(.cancelRequested)
        row.exitCode = record.flags.contains(.hasExitCode) ? Int(record.exitCode) : nil
        row.nodeID = record.node.isNone ? nil : nodes[record.node].id
        row.containerID = record.extra?.containerID
        row.error = record.extra?.error
        row.detail = record.extra?.detail
        row.scheduledAt = record.scheduledAt
        row.startedAt = record.startedAt
        row.finishedAt = record.finishedAt
        row.spec = record.flags.contains(.unsaved) ? record.spec : nil
        return row
    }
}
