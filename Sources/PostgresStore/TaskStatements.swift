import PodlingCore
import PodlingProtocol

/// The statements for tasks. A batch is one statement, however many tasks it has, and can be run again with the same
/// outcome.
enum TaskStatements {
    static let changing = """
        attempt = EXCLUDED.attempt, uncharged_attempts = EXCLUDED.uncharged_attempts, rejections = EXCLUDED.rejections,
        cancel_requested = EXCLUDED.cancel_requested, status = EXCLUDED.status, reason = EXCLUDED.reason,
        exit_code = EXCLUDED.exit_code, node_id = EXCLUDED.node_id, container_id = EXCLUDED.container_id,
        error = EXCLUDED.error, detail = EXCLUDED.detail, scheduled_at = EXCLUDED.scheduled_at,
        started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at
        """
    private static let columns = """
        task_id, attempt, uncharged_attempts, rejections, cancel_requested, status, reason, exit_code, node_id,
        container_id, error, detail, created_at, scheduled_at, started_at, finished_at
        """
    private static let arrays = """
        $1::text[], $2::int[], $3::int[], $4::int[], $5::bool[], $6::text[], $7::text[], $8::int[], $9::text[],
        $10::text[], $11::text[], $12::text[], $13::timestamp[], $14::timestamp[], $15::timestamp[], $16::timestamp[]
        """
    private static let specColumns = "name, image, spec, imported_at, env"

    private static let insert = """
        INSERT INTO tasks AS t (\(columns), \(specColumns))
        SELECT \(columns), name, image, spec, imported_at, env::jsonb
        FROM unnest(\(arrays), $17::text[], $18::text[], $19::text[], $20::timestamp[], $21::text[])
            AS r (\(columns), \(specColumns))
        WHERE EXISTS (SELECT FROM lead)
        ON CONFLICT (task_id) DO UPDATE SET \(changing) WHERE t.attempt <= EXCLUDED.attempt
        """
    private static let update = """
        UPDATE tasks AS t SET \(changing) FROM unnest(\(arrays)) AS EXCLUDED (\(columns))
        WHERE EXISTS (SELECT FROM lead) AND t.task_id = EXCLUDED.task_id AND t.attempt <= EXCLUDED.attempt
        """
    /// Empty where another master leads. The row is held until the end of the transaction: whoever takes over waits for
    /// it, or is seen here.
    private static let lead = "SELECT FROM podling_leader WHERE epoch = $1::text::bigint FOR KEY SHARE"

    /// Writes the batch, or nothing where another master leads: then it gives 0.
    static func write(_ batch: StoreBatch, epoch: Int) -> PGStatement {
        let fresh = batch.tasks.filter { $0.spec != nil }
        let known = batch.tasks.filter { $0.spec == nil }
        let specBytes = fresh.reduce(0) { $0 + ($1.spec?.count ?? 0) }
        var statement = PGStatement(capacityBytes: batch.tasks.count * rowBytes + specBytes * 2)
        statement.add("lead", lead) { $0.append(String(epoch)) }
        if !fresh.isEmpty {
            statement.add("inserted", insert) {
                appendColumns(of: fresh, to: &$0)
                appendSpecs(of: fresh, to: &$0)
            }
        }
        if !known.isEmpty { statement.add("updated", update) { appendColumns(of: known, to: &$0) } }
        return statement
    }

    /// What a row without its spec takes as parameters, about.
    private static let rowBytes = 256

    private static func appendColumns(of tasks: [TaskRow], to parameters: inout PGParameters) {
        parameters.appendArray(.text, of: tasks) { $0.element($1.idText) }
        parameters.appendArray(.int, of: tasks) { $0.element($1.attempt) }
        parameters.appendArray(.int, of: tasks) { $0.element($1.unchargedAttempts) }
        parameters.appendArray(.int, of: tasks) { $0.element($1.rejections) }
        parameters.appendArray(.bool, of: tasks) { $0.element($1.isCancelRequested) }
        parameters.appendArray(.text, of: tasks) { $0.element($1.status.name) }
        parameters.appendArray(.text, of: tasks) {
            if $1.reason == .none { $0.elementNull() } else { $0.element($1.reason.name) }
        }
        parameters.appendArray(.int, of: tasks) { $0.element($1.exitCode) }
        parameters.appendArray(.text, of: tasks) { $0.element($1.nodeID) }
        parameters.appendArray(.text, of: tasks) { $0.element($1.containerID) }
        parameters.appendArray(.text, of: tasks) { $0.element($1.error) }
        parameters.appendArray(.text, of: tasks) { $0.element($1.detail) }
        parameters.appendArray(.timestamp, of: tasks) { $0.element(time: $1.createdAt) }
        parameters.appendArray(.timestamp, of: tasks) { $0.element(time: $1.scheduledAt) }
        parameters.appendArray(.timestamp, of: tasks) { $0.element(time: $1.startedAt) }
        parameters.appendArray(.timestamp, of: tasks) { $0.element(time: $1.finishedAt) }
    }

    private static func appendSpecs(of tasks: [TaskRow], to parameters: inout PGParameters) {
        var reader = JSONReader()
        let columns = tasks.map { SpecColumns($0.spec ?? [], &reader) }
        parameters.appendArray(.text, of: columns) { $0.element($1.name) }
        parameters.appendArray(.text, of: columns) { $0.element($1.image) }
        parameters.appendArray(.text, of: tasks) { parameters, task in
            (task.spec ?? []).withUnsafeBytes { parameters.element(bytes: $0) }
        }
        parameters.appendArray(.timestamp, of: tasks) { $0.element(time: $1.importedAt) }
        parameters.appendArray(.text, of: columns) { parameters, column in
            guard let env = column.env else { return parameters.elementNull() }
            env.withUnsafeBytes { parameters.element(bytes: $0) }
        }
    }

    /// What `row` reads.
    static let readColumns = """
        task_id, attempt, uncharged_attempts, rejections, cancel_requested, status, reason, exit_code, node_id,
        container_id, error, detail, spec, \(milliseconds("created_at")), \(milliseconds("scheduled_at")),
        \(milliseconds("started_at")), \(milliseconds("finished_at")), \(milliseconds("imported_at"))
        """
    /// What `adoptedRow` reads.
    static let adoptedColumns = "\(readColumns), name, image, env"
    /// All columns, as `tasks` and `task_history` have them.
    static let allColumns = "\(columns), \(specColumns)"
    static let endedStatuses = "('completed', 'failed', 'cancelled')"
    /// From when on an ended task's age counts.
    static let keptSince = "coalesce(greatest(finished_at, imported_at), created_at)"
    /// Up to when ended tasks are not loaded, in milliseconds since 1970: `$1` milliseconds ago by the clock of the
    /// database, or later, so that at most `$2` are.
    static let loadedAfter = """
        WITH oldest (at) AS (SELECT timezone('UTC', now()) - $1::bigint * interval '1 millisecond')
        SELECT (extract(epoch FROM greatest(at, (
            SELECT \(keptSince) AS kept FROM tasks
            WHERE spec IS NOT NULL AND status IN \(endedStatuses) AND \(keptSince) > at
            ORDER BY kept DESC OFFSET $2 LIMIT 1
        ))) * 1000)::bigint FROM oldest
        """

    /// Tasks that live, and those that ended after a time. A status that nobody knows is not passed over.
    static func openCursor(endedAfter time: Int) -> String {
        """
        DECLARE restored NO SCROLL CURSOR FOR SELECT \(readColumns)
        FROM tasks WHERE spec IS NOT NULL AND NOT (
            status IN \(endedStatuses) AND \(keptSince) <= timestamp 'epoch' + \(time) * interval '1 millisecond'
        ) ORDER BY task_id COLLATE "C"
        """
    }

    /// Another program may have written times without end.
    private static func milliseconds(_ column: String) -> String {
        "CASE WHEN isfinite(\(column)) THEN (extract(epoch FROM \(column)) * 1000)::bigint END"
    }

    /// nil for a row that no version of Podling wrote.
    static func row(_ result: PGResult, _ row: Int) -> TaskRow? {
        guard let name = result.text(row, 0), let status = result.text(row, 5).flatMap({ TaskStatus($0) }) else {
            return nil
        }
        var task = TaskRow(named: name, createdAt: Int64(result.int(row, 13) ?? 0))
        let reason = result.text(row, 6)
        task.attempt = result.int(row, 1) ?? 0
        task.unchargedAttempts = result.int(row, 2) ?? 0
        task.rejections = result.int(row, 3) ?? 0
        task.isCancelRequested = result.flag(row, 4)
        task.status = status
        task.reason = TaskReason.allCases.first { $0.name.description == reason } ?? .none
        task.exitCode = result.int(row, 7)
        task.nodeID = result.text(row, 8)
        task.containerID = result.text(row, 9)
        task.error = result.text(row, 10)
        task.detail = result.text(row, 11)
        task.spec = result.bytes(row, 12)
        task.scheduledAt = Int64(result.int(row, 14) ?? 0)
        task.startedAt = Int64(result.int(row, 15) ?? 0)
        task.finishedAt = Int64(result.int(row, 16) ?? 0)
        task.importedAt = Int64(result.int(row, 17) ?? 0)
        return task
    }
}
