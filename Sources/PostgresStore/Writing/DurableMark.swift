import PodlingCore
import PodlingProtocol

/// A row that the last acknowledged transaction has written, as a marker for lost commits.
///
/// A server that comes back with less has lost the end of its log, and nothing within: while this row exists, so does
/// everything that was acknowledged before it. The check costs one read for each connection, where a counter would cost
/// each transaction.
struct DurableMark {
    private enum Row {
        case task(TaskRow)
        case node(String, lastSeenAt: Int64)
    }

    private let row: Row
    /// The transaction id, which is `xmin` of its rows.
    private let transaction: Int
    /// Start time of the server that has it (`LeadFence`).
    let serverStart: Int

    /// nil where the batch left no row.
    /// - Parameter transaction: the transaction id from `txid_current`.
    init?(_ batch: StoreBatch, transaction: Int, serverStart: Int) {
        if let task = batch.tasks.first {
            row = .task(task)
        } else if let node = batch.nodes.first {
            row = .node(node.id, lastSeenAt: node.lastSeenAt)
        } else {
            return nil
        }
        self.transaction = transaction & 0xFFFF_FFFF
        self.serverStart = serverStart
    }

    /// - Parameters:
    ///   - pending: the batch that was sent, and may have been committed without an answer.
    ///   - forgottenUpTo: tasks that ended by then may have been moved, and dropped by their age.
    func isThere(_ connection: PGConnection, pending: StoreBatch, forgottenUpTo: Int64) throws(PGError) -> Bool {
        switch row {
        case .task(let task):
            let versions = [task] + pending.tasks.filter { $0.id == task.id }
            return try Self.isThere(versions, transaction, connection, forgottenUpTo)
        case .node(let id, let lastSeenAt):
            let result = try connection.execute(
                "SELECT xmin::text, \(TaskStatements.milliseconds("last_heartbeat")) FROM nodes WHERE node_id = $1",
                PGParameters(id)
            )
            return result.int(0, 0) == transaction || (result.int(0, 1) ?? -1) >= lastSeenAt
                || pending.removedNodeIDs.contains(id)
        }
    }

    private static func isThere(
        _ versions: [TaskRow],
        _ transaction: Int,
        _ connection: PGConnection,
        _ forgottenUpTo: Int64
    ) throws(PGError) -> Bool {
        let id = versions[0].idText
        let columns = TaskStatements.readColumns
        let result = try connection.execute(
            "SELECT \(columns), xmin::text FROM tasks WHERE task_id = $1",
            PGParameters(id)
        )
        if result.rowCount > 0 {
            if result.int(0, 18) == transaction { return true }
            guard let there = TaskStatements.row(result, 0) else { return false }
            return versions.contains { there.isLater(than: $0) || there.says($0) }
        }
        if versions.contains(where: { $0.status.isTerminal && max($0.finishedAt, $0.importedAt) <= forgottenUpTo }) {
            return true
        }
        return try connection.execute("SELECT 1 FROM task_history WHERE task_id = $1", PGParameters(id)).rowCount > 0
    }
}

extension TaskRow {
    fileprivate func isLater(than other: TaskRow) -> Bool {
        (attempt, stepInAttempt) > (other.attempt, other.stepInAttempt)
    }

    /// Whether the mutable columns equal the other's, at the database's precision.
    fileprivate func says(_ other: TaskRow) -> Bool {
        (attempt, status, reason, exitCode) == (other.attempt, other.status, other.reason, other.exitCode)
            && (scheduledAt, startedAt, finishedAt) == (other.scheduledAt, other.startedAt, other.finishedAt)
            && (isCancelRequested || !other.isCancelRequested) && Self.areSame(nodeID, other.nodeID)
            && Self.areSame(containerID, other.containerID) && Self.areSame(error, other.error)
            && Self.areSame(detail, other.detail)
    }
}
