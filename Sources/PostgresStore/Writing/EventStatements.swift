import PodlingCore
import PodlingProtocol

/// The statements for task transitions, `--audit`.
///
/// `podling_runs` has the runs whose transitions are complete: the first write of a run without the audit empties it,
/// so that no cursor skips transitions that were not stored.
enum EventStatements {
    /// Runs whose cursors are valid, at most.
    private static let runsMax = 1_000

    private static let columns = "seq, at, task_id, attempt, node_id, from_status, to_status, reason, actor"
    private static let insert = """
        INSERT INTO task_events (epoch, \(columns))
        SELECT $1::text::bigint, \(columns)
        FROM unnest($2::bigint[], $3::timestamp[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[]) AS r (\(columns))
        WHERE EXISTS (SELECT FROM lead)
        ON CONFLICT DO NOTHING
        """
    private static let insertRun = """
        INSERT INTO podling_runs (epoch, run) SELECT $1::text::bigint, $2::text WHERE EXISTS (SELECT FROM lead)
        ON CONFLICT (epoch) DO UPDATE SET run = EXCLUDED.run
        """
    private static let deleteOldRuns = """
        DELETE FROM podling_runs WHERE EXISTS (SELECT FROM lead) AND epoch <= $1::text::bigint - \(runsMax)
        """
    private static let deleteRuns = "DELETE FROM podling_runs WHERE EXISTS (SELECT FROM lead)"

    /// Adds the transitions of a batch to its transaction's statement.
    static func add(_ batch: StoreBatch, epoch: Int, isFirst: Bool, to statement: inout PGStatement) {
        if let run = batch.newRun {
            statement.add("run_written", insertRun) {
                $0.append(String(epoch))
                $0.append(run)
            }
            statement.add("runs_pruned", deleteOldRuns) { $0.append(String(epoch)) }
        } else if isFirst {
            statement.add("runs_ended", deleteRuns) { _ in }
        }
        guard !batch.events.isEmpty else { return }
        statement.add("events_written", insert) { append(batch.events, epoch: epoch, to: &$0) }
    }

    private static func append(_ events: [TaskEventRow], epoch: Int, to parameters: inout PGParameters) {
        parameters.append(String(epoch))
        parameters.appendArray(.bigint, of: events) { $0.element(bigint: $1.number) }
        parameters.appendArray(.timestamp, of: events) { $0.element(time: max($1.at, 1)) }
        parameters.appendArray(.text, of: events) { $0.element($1.taskID) }
        parameters.appendArray(.int, of: events) { $0.element($1.attempt) }
        parameters.appendArray(.text, of: events) { $0.element($1.nodeID) }
        parameters.appendArray(.text, of: events) {
            if let from = $1.from { $0.element(from.name) } else { $0.elementNull() }
        }
        parameters.appendArray(.text, of: events) { $0.element($1.to.name) }
        parameters.appendArray(.text, of: events) {
            if $1.reason == .none { $0.elementNull() } else { $0.element($1.reason.name) }
        }
        parameters.appendArray(.text, of: events) { $0.element($1.actor) }
    }

    // MARK: Reading

    /// Loads the last transitions, in order, and the trail by which they continue.
    static func load(_ connection: PGConnection, max count: Int) throws(PGError) -> (EventTrail, [TaskEventRow]) {
        let runs = try connection.execute("SELECT run FROM podling_runs")
        let last = try connection.execute("SELECT last_event FROM podling_leader").int(0, 0) ?? 0
        let result = try connection.execute(
            """
            SELECT seq, task_id, attempt, node_id, \(TaskStatements.milliseconds("at")), from_status, to_status, reason, actor
            FROM task_events ORDER BY seq DESC LIMIT \(count)
            """
        )
        let trail = EventTrail(
            runs: (0..<runs.rowCount).compactMap { runs.text($0, 0) },
            lastNumber: max(last, result.int(0, 0) ?? 0)
        )
        return (trail, (0..<result.rowCount).reversed().compactMap { row(result, $0) })
    }

    /// nil for a row that no version of Podling wrote.
    private static func row(_ result: PGResult, _ row: Int) -> TaskEventRow? {
        guard let number = result.int(row, 0), let to = result.text(row, 6).flatMap({ TaskStatus($0) }) else {
            return nil
        }
        let reason = result.text(row, 7)
        return TaskEventRow(
            number: number,
            taskID: result.text(row, 1) ?? "",
            attempt: result.int(row, 2) ?? 0,
            nodeID: result.text(row, 3),
            at: Int64(result.int(row, 4) ?? 0),
            from: result.text(row, 5).flatMap { TaskStatus($0) },
            to: to,
            reason: TaskReason.allCases.first { $0.name.description == reason } ?? .none,
            actor: result.text(row, 8) ?? ""
        )
    }

    // MARK: Retention

    /// Drops the transitions of months that ended this many days ago; the default partition stays. Sequence numbers
    /// continue regardless.
    ///
    /// - Returns: the names of the dropped partitions.
    @discardableResult
    static func drop(olderThanDays days: Int, _ connection: PGConnection) throws(PGError) -> [String] {
        try connection.execute(
            """
            UPDATE podling_leader SET last_event = greatest(last_event, (SELECT max(seq) FROM task_events))
            """
        )
        let partitions = MonthlyPartitions(of: .events, connection)
        let months = try partitions.months(olderThanDays: days)
        for month in months { try partitions.drop(month) }
        return months.map(partitions.name)
    }
}
