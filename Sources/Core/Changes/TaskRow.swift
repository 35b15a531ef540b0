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

extension TaskRow {
    /// A held task, as it is now; without its spec where the store has that.
    init(_ slot: TaskSlot, _ tasks: borrowing TaskTable, _ nodes: NodeTable) {
        let record = tasks[slot]
        self.init(id: record.id, createdAt: record.createdAt)
        if record.id.isForeign { foreignID = tasks.text(of: record.id) }
        importedAt = record.importedAt
        isAdopted = record.flags.contains(.adopted)
        attempt = record.attempt
        unchargedAttempts = record.unchargedAttempts
        rejections = Int(record.rejections)
        status = record.status
        reason = record.reason
        isCancelRequested = record.flags.contains(.cancelRequested)
        exitCode = record.flags.contains(.hasExitCode) ? record.exitCode : nil
        nodeID = record.node.isNone ? nil : nodes[record.node].id
        containerID = record.extra?.containerID
        error = record.extra?.error
        detail = record.extra?.detail
        scheduledAt = record.scheduledAt
        startedAt = record.startedAt
        finishedAt = record.finishedAt
        spec = record.flags.contains(.unsaved) ? record.spec : nil
    }
}
