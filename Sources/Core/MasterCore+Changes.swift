import PodlingProtocol

/// A task as a store keeps it: everything the core needs to go on with it.
public struct TaskRow: Sendable, Equatable {
    public var id: TaskID
    public var attempt: Int
    public var unchargedAttempts: Int
    public var rejections: Int
    public var status: TaskStatus
    public var reason: TaskReason
    public var isCancelRequested: Bool
    public var exitCode: Int?
    public var nodeID: String?
    public var containerID: String?
    public var error: String?
    public var detail: String?
    /// Milliseconds since 1970; 0 means not yet.
    public var createdAt: Int64
    public var scheduledAt: Int64
    public var startedAt: Int64
    public var finishedAt: Int64
    /// The spec's members without the braces; nil where the store has it already.
    public var spec: [UInt8]?
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
        return TaskRow(
            id: record.id,
            attempt: Int(record.attempt),
            unchargedAttempts: Int(record.unchargedAttempts),
            rejections: Int(record.rejections),
            status: record.status,
            reason: record.reason,
            isCancelRequested: record.flags.contains(.cancelRequested),
            exitCode: record.flags.contains(.hasExitCode) ? Int(record.exitCode) : nil,
            nodeID: record.node < 0 ? nil : nodes[record.node].id,
            containerID: record.extra?.containerID,
            error: record.extra?.error,
            detail: record.extra?.detail,
            createdAt: record.createdAt,
            scheduledAt: record.scheduledAt,
            startedAt: record.startedAt,
            finishedAt: record.finishedAt,
            spec: record.flags.contains(.unsaved) ? record.spec : nil
        )
    }
}
