import PodlingProtocol

/// A task as a store keeps it: everything the core needs to go on with it.
public struct TaskRow: Sendable, Equatable {
    public var id: TaskID
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

    public init(id: TaskID, createdAt: Int64) {
        self.id = id
        self.createdAt = createdAt
    }
}

/// What changed in a turn. It must be durable before the turn's effects leave.
public struct StoreBatch: Sendable {
    /// One row a task, its latest version.
    public var tasks: [TaskRow] = []
    /// Tasks that are forgotten.
    public var removedTaskIDs: [TaskID] = []

    public init() {}
}

extension MasterCore {
    /// Whether something changed since the last `takeChanges`.
    public var hasChanges: Bool { !changedTasks.isEmpty || !removedTasks.isEmpty }

    /// The changes since the last call, for a store that keeps rows.
    public mutating func takeChanges() -> StoreBatch {
        var batch = StoreBatch()
        batch.tasks.reserveCapacity(changedTasks.count)
        for slot in changedTasks where tasks[slot].flags.contains(.changed) {
            batch.tasks.append(row(slot))
            tasks[slot].flags.subtract([.changed, .unsaved])
        }
        batch.removedTaskIDs = removedTasks
        changedTasks.removeAll(keepingCapacity: true)
        removedTasks.removeAll(keepingCapacity: true)
        return batch
    }

    /// The same for a store that keeps none: nothing is copied.
    public mutating func dropChanges() {
        for slot in changedTasks { tasks[slot].flags.subtract([.changed, .unsaved]) }
        changedTasks.removeAll(keepingCapacity: true)
        removedTasks.removeAll(keepingCapacity: true)
    }

    func row(_ slot: Int32) -> TaskRow {
        let record = tasks[slot]
        var row = TaskRow(id: record.id, createdAt: record.createdAt)
        row.attempt = Int(record.attempt)
        row.unchargedAttempts = Int(record.unchargedAttempts)
        row.rejections = Int(record.rejections)
        row.status = record.status
        row.reason = record.reason
        row.isCancelRequested = record.flags.contains(.cancelRequested)
        row.exitCode = record.flags.contains(.hasExitCode) ? Int(record.exitCode) : nil
        row.nodeID = record.node < 0 ? nil : nodes[record.node].id
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
