import PodlingCore
import PodlingProtocol

/// The statements for tasks. A batch is at most one insert, one update and one delete, however many tasks it has;
/// each can be run again with the same outcome.
enum TaskStatements {
    private static let changing = """
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
    private static let values = """
        r.task_id, r.attempt, r.uncharged, r.rejections, r.cancelled, r.status, r.reason, r.exit_code, r.node_id,
        r.container_id, r.error, r.detail, \(moment("created")), \(moment("scheduled")), \(moment("started")),
        \(moment("finished"))
        """
    private static let rows = """
        unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::bool[], $6::text[], $7::text[], $8::int[], $9::text[],
        $10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[]
        """
    private static let names = """
        task_id, attempt, uncharged, rejections, cancelled, status, reason, exit_code, node_id, container_id, error,
        detail, created, scheduled, started, finished
        """

    private static func moment(_ name: String) -> String {
        "timestamp 'epoch' + r.\(name) * interval '1 millisecond'"
    }

    static let insert = """
        INSERT INTO tasks AS t (\(columns), name, image, env, spec, imported_at)
        SELECT \(values), r.name, r.image, r.env::jsonb, r.spec, \(moment("imported"))
        FROM \(rows), $17::text[], $18::text[], $19::text[], $20::text[], $21::bigint[])
        AS r (\(names), name, image, env, spec, imported)
        ON CONFLICT (task_id) DO UPDATE SET \(changing) WHERE t.attempt <= EXCLUDED.attempt
        """
    static let update = """
        UPDATE tasks AS t SET \(changing)
        FROM (SELECT \(values) FROM \(rows)) AS r (\(names))) AS EXCLUDED (\(columns))
        WHERE t.task_id = EXCLUDED.task_id AND t.attempt <= EXCLUDED.attempt
        """
    static let delete = "DELETE FROM tasks WHERE task_id = ANY ($1::text[])"
    /// What `row` reads.
    static let readColumns = """
        task_id, attempt, uncharged_attempts, rejections, cancel_requested, status, reason, exit_code, node_id,
        container_id, error, detail, spec, \(milliseconds("created_at")), \(milliseconds("scheduled_at")),
        \(milliseconds("started_at")), \(milliseconds("finished_at")), \(milliseconds("imported_at"))
        """
    /// What `adoptedRow` reads.
    static let adoptedColumns = "\(readColumns), name, image, env"
    static let openCursor = """
        DECLARE restored NO SCROLL CURSOR FOR SELECT \(readColumns)
        FROM tasks WHERE spec IS NOT NULL ORDER BY task_id COLLATE "C"
        """

    /// Another program may have written times without end.
    private static func milliseconds(_ column: String) -> String {
        "CASE WHEN isfinite(\(column)) THEN (extract(epoch FROM \(column)) * 1000)::bigint END"
    }

    /// `$1` to `$16`, and to `$21` where the rows carry specs.
    static func parameters(_ tasks: [TaskRow], withSpecs: Bool) -> [[UInt8]?] {
        var arrays = [ArrayText](repeating: ArrayText(), count: withSpecs ? 21 : 16)
        for task in tasks {
            arrays[0].append(task.idText)
            arrays[1].append(task.attempt)
            arrays[2].append(task.unchargedAttempts)
            arrays[3].append(task.rejections)
            arrays[4].append(task.isCancelRequested ? "t" : "f")
            arrays[5].append(task.status.name.description)
            arrays[6].append(task.reason == .none ? nil : task.reason.name.description)
            arrays[7].append(task.exitCode)
            arrays[8].append(task.nodeID)
            // PostgreSQL's text has no NUL.
            for (index, text) in [(9, task.containerID), (10, task.error), (11, task.detail)] {
                arrays[index].append(text?.replacing("\0", with: "\u{FFFD}"))
            }
            for (index, time) in [task.createdAt, task.scheduledAt, task.startedAt, task.finishedAt].enumerated() {
                arrays[12 + index].append(time: time)
            }
            guard withSpecs else { continue }
            append(task.spec ?? [], to: &arrays)
            arrays[20].append(time: task.importedAt)
        }
        return arrays.map(\.finished)
    }

    private static func append(_ spec: [UInt8], to arrays: inout [ArrayText]) {
        var reader = JSONReader()
        ([UInt8(ascii: "{")] + spec + [UInt8(ascii: "}")]).withUnsafeBytes { bytes in
            let root = try? reader.parse(bytes).root
            arrays[16].append(root?["name"]?.string() ?? "")
            arrays[17].append(root?["image"]?.string() ?? "")
            // jsonb refuses an escaped NUL; the spec itself is kept whole.
            let env = root?.optional("env")?.raw
            if let env, !String(decoding: env, as: UTF8.self).contains("\\u0000") {
                arrays[18].append(bytes: env)
            } else {
                arrays[18].appendNull()
            }
        }
        arrays[19].append(bytes: spec)
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

extension TaskRow {
    /// The task of an id as it is written, ours or another system's.
    init(named text: String, createdAt: Int64) {
        var text = text
        if let id = text.withUTF8({ TaskID(UnsafeRawBufferPointer($0)) }) {
            self.init(id: id, createdAt: createdAt)
        } else {
            self.init(foreignID: text, createdAt: createdAt)
        }
    }
}
