import PodlingCore
import PodlingProtocol

/// The statements for tasks. A batch is one idempotent statement, however many tasks it has.
enum TaskStatements {
    static let changing = """
        attempt = EXCLUDED.attempt, uncharged_attempts = EXCLUDED.uncharged_attempts, rejections = EXCLUDED.rejections,
        cancel_requested = t.cancel_requested OR EXCLUDED.cancel_requested, status = EXCLUDED.status,
        reason = CASE WHEN (t.attempt, t.status) = (EXCLUDED.attempt, EXCLUDED.status)
            THEN coalesce(EXCLUDED.reason, t.reason) ELSE EXCLUDED.reason END,
        exit_code = EXCLUDED.exit_code, node_id = EXCLUDED.node_id, container_id = EXCLUDED.container_id,
        error = EXCLUDED.error, detail = EXCLUDED.detail, scheduled_at = EXCLUDED.scheduled_at,
        started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at
        """
    private static let columns = """
        task_id, attempt, uncharged_attempts, rejections, cancel_requested, status, reason, exit_code, node_id,
        container_id, error, detail, created_at, scheduled_at, started_at, finished_at
        """
    private static let specColumns = "name, image, spec, imported_at, env"

    /// Within an attempt a task only moves forward: so an abandoned statement that still runs after later ones changes
    /// nothing.
    private static let notBackward = "(t.attempt, \(place("t"))) <= (EXCLUDED.attempt, \(place("EXCLUDED")))"

    static func place(_ row: String) -> String {
        "CASE \(row).status WHEN 'scheduled' THEN 1 WHEN 'running' THEN 2 WHEN 'pending' THEN 3 ELSE 4 END"
    }

    /// A composite type of the schema: an array of rows costs the server half of what an array for each column does.
    static let rowType = "podling_task_row"
    private static let insert = """
        INSERT INTO tasks AS t (\(columns), \(specColumns))
        SELECT \(columns), name, image, spec, imported_at, env::jsonb
        FROM unnest($1::\(rowType)[]) WHERE EXISTS (SELECT FROM lead)
        """
    static let insertOrUpdate = """
        \(insert)
        ON CONFLICT (task_id) DO UPDATE SET \(changing) WHERE \(notBackward)
        """
    private static let update = """
        UPDATE tasks AS t SET \(changing) FROM unnest($1::\(rowType)[]) AS EXCLUDED
        WHERE EXISTS (SELECT FROM lead) AND t.task_id = EXCLUDED.task_id AND \(notBackward)
        """
    /// Writes the batch, or nothing where the fence is not passed: it then returns 0.
    /// - Parameters:
    ///   - mayExist: whether rows with a spec may exist already; the check costs the server a tenth more.
    ///   - rowType: the OID of `rowType` in pg_type.
    static func write(_ batch: StoreBatch, mayExist: Bool, fence: LeadFence, rowType: Int32) -> PGStatement {
        let fresh = batch.tasks.filter { $0.spec != nil }
        let known = batch.tasks.filter { $0.spec == nil }
        let specBytes = fresh.reduce(0) { $0 + ($1.spec?.count ?? 0) }
        var statement = PGStatement(capacityBytes: batch.tasks.count * rowBytes + specBytes * 2)
        fence.add(to: &statement)
        if !fresh.isEmpty {
            let (name, sql) = mayExist ? ("upserted", insertOrUpdate) : ("inserted", insert)
            statement.add(name, sql) { append(fresh, rowType, to: &$0) }
        }
        if !known.isEmpty { statement.add("updated", update) { append(known, rowType, to: &$0) } }
        NodeStatements.add(batch, to: &statement)
        return statement
    }

    /// Approximate size of the parameters of a row without its spec.
    private static let rowBytes = 320

    /// Appends the rows in the order of `columns` and `specColumns`, which is the type's.
    static func append(_ tasks: [TaskRow], _ rowType: Int32, to parameters: inout PGParameters) {
        var reader = JSONReader()
        parameters.appendRows(ofType: rowType, columns: 21, of: tasks) { row, task in
            row.column(task.idText)
            row.column(task.attempt)
            row.column(task.unchargedAttempts)
            row.column(task.rejections)
            row.column(task.isCancelRequested)
            row.column(task.status.name)
            if task.reason == .none { row.columnNull(.text) } else { row.column(task.reason.name) }
            row.column(task.exitCode)
            row.column(task.nodeID)
            row.column(task.containerID)
            row.column(task.error)
            row.column(task.detail)
            row.column(time: task.createdAt)
            row.column(time: task.scheduledAt)
            row.column(time: task.startedAt)
            row.column(time: task.finishedAt)
            var said = SpecColumns()
            if let spec = task.spec { said = SpecColumns(spec, &reader) }
            row.column(said.name)
            row.column(said.image)
            row.column(textBytes: task.spec)
            row.column(time: task.importedAt)
            row.column(textBytes: said.env)
        }
    }

    /// The columns that `row` reads.
    static let readColumns = """
        task_id, attempt, uncharged_attempts, rejections, cancel_requested, status, reason, exit_code, node_id,
        container_id, error, detail, spec, \(milliseconds("created_at")), \(milliseconds("scheduled_at")),
        \(milliseconds("started_at")), \(milliseconds("finished_at")), \(milliseconds("imported_at"))
        """
    /// The columns that `adoptedRow` reads.
    static let adoptedColumns = "\(readColumns), name, image, env"
    /// All columns that `tasks` and `task_history` have.
    static let allColumns = "\(columns), \(specColumns)"
    static let endedStatuses = "('completed', 'failed', 'cancelled')"
    /// The time from which the age of a terminal task counts.
    static let keptSince = "coalesce(greatest(finished_at, imported_at), created_at)"
    /// The time up to which terminal tasks are not loaded, in milliseconds since 1970: `$1` milliseconds ago by the
    /// database's clock, or later, so that few more than `$2` are: those that ended in the same millisecond as the
    /// last.
    static let loadedAfter = """
        WITH oldest (at) AS (SELECT timezone('UTC', now()) - $1::bigint * interval '1 millisecond')
        SELECT (extract(epoch FROM greatest(at, (
            SELECT \(keptSince) - interval '1 millisecond' AS kept FROM tasks
            WHERE spec IS NOT NULL AND status IN \(endedStatuses) AND \(keptSince) > at AND isfinite(\(keptSince))
            ORDER BY kept DESC OFFSET $2::bigint - 1 LIMIT 1
        ))) * 1000)::bigint FROM oldest
        """

    /// Live tasks, and those that ended after a time. A row with an unknown status is not skipped.
    static func openCursor(endedAfter time: Int) -> String {
        """
        DECLARE restored NO SCROLL CURSOR FOR SELECT \(readColumns)
        FROM tasks WHERE spec IS NOT NULL AND NOT (
            status IN \(endedStatuses) AND \(keptSince) <= timestamp 'epoch' + \(time) * interval '1 millisecond'
        ) ORDER BY task_id COLLATE "C"
        """
    }

    /// The highest of our own ids, of tasks that are loaded or not.
    static let lastID = "SELECT greatest((\(lastID(in: "tasks"))), (\(lastID(in: "task_history"))))"

    private static func lastID(in table: String) -> String {
        """
        SELECT task_id FROM \(table) WHERE task_id >= 't0' AND task_id < 't8'
            AND task_id ~ '^t[0-7][0-9a-hjkmnp-tv-z]{11}$' ORDER BY task_id DESC LIMIT 1
        """
    }

    /// Another program may have written infinite timestamps.
    static func milliseconds(_ column: String) -> String {
        "CASE WHEN isfinite(\(column)) THEN (extract(epoch FROM \(column)) * 1000)::bigint END"
    }

    /// nil for a row that no version of Podling wrote.
    static func row(_ result: PGResult, _ row: Int) -> TaskRow? {
        guard let name = result.text(row, 0), let status = result.text(row, 5).flatMap({ TaskStatus($0) }) else {
            return nil
        }
        var task = Self.row(result, row, named: name, status)
        task.spec = result.bytes(row, 12)
        task.importedAt = Int64(result.int(row, 17) ?? 0)
        return task
    }

    /// The members that an adopted row has too.
    static func row(_ result: PGResult, _ row: Int, named name: String, _ status: TaskStatus) -> TaskRow {
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
        task.scheduledAt = Int64(result.int(row, 14) ?? 0)
        task.startedAt = Int64(result.int(row, 15) ?? 0)
        task.finishedAt = Int64(result.int(row, 16) ?? 0)
        return task
    }
}
