import PodlingProtocol

/// A task as a store keeps it: all that the core needs to restore it.
package struct TaskRow: Sendable, Equatable {
    package var id: TaskID
    /// The foreign id; nil for an id of our own. With a foreign id, `id` is valid in this run only.
    package var foreignID: String?
    package var attempt = 0
    package var unchargedAttempts = 0
    package var rejections = 0
    package var status = TaskStatus.pending
    package var reason = TaskReason.none
    package var isCancelRequested = false
    package var exitCode: Int?
    package var nodeID: String?
    package var containerID: String?
    package var error: String?
    package var detail: String?
    /// Milliseconds since 1970; 0 means not yet.
    package var createdAt: Int64
    package var scheduledAt: Int64 = 0
    package var startedAt: Int64 = 0
    package var finishedAt: Int64 = 0
    /// The spec's members without the braces; nil if the store already has it.
    package var spec: [UInt8]?
    /// The time of its import in milliseconds since 1970; 0 means never.
    package var importedAt: Int64 = 0
    /// The row is another program's, and its spec was made from that row.
    package var isAdopted = false
    /// Why no worker can run it, if its spec does not show that; human-readable.
    package var fault: String?
    /// New rows of one group are written together or not at all; 0 means no group.
    package var group = 0

    package init(id: TaskID, createdAt: Int64) {
        self.id = id
        self.createdAt = createdAt
    }

    /// Makes the row of a task with a foreign id.
    package init(foreignID: String, createdAt: Int64) {
        self.init(id: TaskID(number: 0), createdAt: createdAt)
        self.foreignID = foreignID
    }

    /// The id as text.
    package var idText: String { foreignID ?? id.text }
}

extension TaskRow {
    /// Makes the row of a held task in its current state, without the spec if the store has that.
    init(_ slot: TaskSlot, _ tasks: borrowing TaskRecords, _ foreign: ForeignTaskIDs, _ nodes: NodeRecords) {
        let record = tasks[slot]
        self.init(id: record.id, createdAt: record.createdAt)
        if record.id.isForeign { foreignID = String(decoding: foreign.text(of: record.id), as: UTF8.self) }
        importedAt = record.importedAt
        isAdopted = record.flags.contains(.adopted)
        attempt = record.attempt
        unchargedAttempts = record.unchargedAttempts
        rejections = Int(record.rejections)
        status = record.status
        reason = record.reason
        isCancelRequested = record.isCancelRequested
        exitCode = record.exitCode
        nodeID = record.node.isNone ? nil : nodes[record.node].id
        containerID = record.containerID
        error = record.error
        detail = record.detail
        scheduledAt = record.scheduledAt
        startedAt = record.startedAt
        finishedAt = record.finishedAt
        spec = record.flags.contains(.unsaved) ? record.spec : nil
    }
}
