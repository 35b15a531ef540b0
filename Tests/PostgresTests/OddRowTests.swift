import Logging
import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

@testable import PodlingPostgres

/// Rows that somebody has changed by hand do not prevent a master from starting.
@Suite(.enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10))) struct OddRowTests {
    private actor Collected {
        var rows: [TaskRow] = []
        var trail: EventTrail?
        var lastID: TaskID?
        func add(_ batch: StoreBatch) {
            rows += batch.tasks
            trail = trail ?? batch.trail
            lastID = lastID ?? batch.lastTaskID
        }
    }

    private static func row(_ number: UInt64) -> TaskRow {
        var row = TaskRow(id: TaskID(number: 1 << 40 + number), createdAt: 1_790_000_000_123)
        row.spec = Array(#""name":"a","image":"b""#.utf8)
        return row
    }

    private static func loaded(_ sql: String) async throws -> (rows: [TaskRow], nodes: StorePage, lastID: TaskID?) {
        let database = try Database()
        let store = try await PostgresStore.open(
            url: database.url,
            name: "test",
            retention: Retention(heldMax: 1),
            eventsMax: 100,
            logger: Logger(label: "test")
        )
        await store.isLeading()
        let result = await withCheckedContinuation { done in
            _ = store.commit(StoreBatch(tasks: (0..<3).map(Self.row))) { done.resume(returning: $0) }
        }
        try result.get()
        try database.connect().executeScript(sql)
        let collected = Collected()
        try await store.load { await collected.add($0) }
        let nodes = await withCheckedContinuation { done in
            store.read(.nodes(cursor: nil, limit: 10)) { done.resume(returning: $0) }
        }
        let all = await withCheckedContinuation { done in
            store.read(.tasks(TaskQuery(filter: TaskFilter(), limit: 10))) { done.resume(returning: $0) }
        }
        // A page ends after so many bytes.
        #expect(try !all.get().tasks.isEmpty)
        await store.close()
        return (await collected.rows, try nodes.get(), await collected.lastID)
    }

    @Test func aStatusThatNobodyKnowsIsLeftOut() async throws {
        let id = Self.row(1).id.text
        let loaded = try await Self.loaded("UPDATE tasks SET status = 'paused' WHERE task_id = '\(id)'")
        #expect(loaded.rows.map(\.id) == [Self.row(0).id, Self.row(2).id])
    }

    /// Ids of other systems, and those that no master gives, do not hide the highest one of our own.
    @Test(arguments: ["transcoding42", "t1", "tzzzzzzzzzzzz", "t9zzzzzzzzzzz", "u", "t06ngil0o0001"])
    func theHighestIdOfOurOwnIsKnown(odd: String) async throws {
        let last = Self.row(2).id.text
        let loaded = try await Self.loaded(
            """
            INSERT INTO task_history SELECT * FROM tasks WHERE task_id = '\(last)';
            DELETE FROM tasks WHERE task_id = '\(last)';
            UPDATE tasks SET task_id = '\(odd)' WHERE task_id = '\(Self.row(1).id.text)'
            """
        )
        #expect(loaded.lastID == Self.row(2).id)
    }

    @Test(arguments: [
        "UPDATE tasks SET attempt = 2147483647, uncharged_attempts = -2147483648, rejections = 2147483647, exit_code = -2147483648",
        "UPDATE tasks SET created_at = 'infinity', started_at = '-infinity', scheduled_at = '294276-12-31 23:59:59.999999'",
        "UPDATE tasks SET created_at = '4713-01-01 BC', imported_at = '294276-12-31'",
        "UPDATE tasks SET status = 'completed', finished_at = 'infinity'",
        "UPDATE tasks SET name = repeat('x', 255), error = repeat('e', 5000000), detail = repeat('d', 5000000)",
        "UPDATE tasks SET spec = repeat('s', 3000000)", "UPDATE tasks SET spec = ''",
        """
        INSERT INTO nodes (node_id, hostname, port, status, capacity, running_tasks, last_heartbeat, registered_at, cpu_millis,
            memory_bytes, cpu_millis_used, memory_bytes_used, labels)
        VALUES ('n', '', 0, 'odd', 2147483647, -2147483648, 'infinity', '-infinity', 9223372036854775807,
            -9223372036854775808, 9223372036854775807, -1, '[1, {"a": 1e400}]')
        """,
        """
        INSERT INTO task_events (epoch, seq, at, task_id, attempt, to_status, actor)
        VALUES (9223372036854775807, 9223372036854775807, 'infinity', '', -2147483648, 'pending', '');
        UPDATE podling_leader SET last_event = 9223372036854775807
        """,
    ]) func extremesAreRead(sql: String) async throws {
        let loaded = try await Self.loaded(sql)
        #expect(loaded.rows.count <= 3)
    }
}
