import PodlingCore
import PodlingProtocol

/// The statements that repair a database which came back with less than it had acknowledged.
extension TaskStatements {
    private static let mutable = [
        "attempt", "uncharged_attempts", "rejections", "cancel_requested", "status", "reason", "exit_code", "node_id",
        "container_id", "error", "detail", "scheduled_at", "started_at", "finished_at",
    ]
    private static let differs = "(\(columns("t"))) IS DISTINCT FROM (\(columns("EXCLUDED")))"

    private static func columns(_ row: String) -> String { mutable.map { "\(row).\($0)" }.joined(separator: ", ") }

    /// Writes rows that are missing or older there; all others stay untouched.
    private static let refill = "\(insertOrUpdate) AND \(differs) RETURNING 1"

    /// Rewrites what the master holds, with specs.
    static func refill(_ batch: StoreBatch, fence: LeadFence, rowType: Int32) -> PGStatement {
        let specBytes = batch.tasks.reduce(0) { $0 + ($1.spec?.count ?? 0) }
        var statement = PGStatement(capacityBytes: batch.tasks.count * 320 + specBytes * 2)
        fence.add(to: &statement)
        if !batch.tasks.isEmpty {
            statement.add("refilled", refill) { append(batch.tasks, rowType, to: &$0) }
            statement.counts("refilled")
        }
        NodeStatements.add(batch, to: &statement)
        return statement
    }

    /// Live tasks of the database, in the order of ids, after `$1`.
    static let liveIDs = """
        SELECT task_id FROM tasks WHERE status IN ('pending', 'scheduled', 'running') AND spec IS NOT NULL
            AND task_id > $1 ORDER BY task_id LIMIT 5000
        """

    /// Makes tasks terminal whose outcome nobody knows.
    static func endUnknown(_ ids: [String], fence: LeadFence) -> PGStatement {
        var statement = PGStatement(capacityBytes: ids.count * 32)
        fence.add(to: &statement)
        statement.add(
            "ended",
            """
            UPDATE tasks SET status = 'failed', reason = 'node_lost', finished_at = timezone('UTC', now()),
                error = 'it ended, and the database has lost how'
            WHERE EXISTS (SELECT FROM lead) AND task_id = ANY ($1::text[])
                AND status IN ('pending', 'scheduled', 'running')
            """
        ) { $0.appendArray(.text, of: ids) { $0.element($1) } }
        return statement
    }
}
