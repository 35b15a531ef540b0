import Logging
import PodlingCore
import PodlingProtocol
import Testing

@testable import PodlingPostgres

/// A database that the storage document's program created.
@Suite(.enabled(if: Database.server != nil, Database.skipMessage)) struct AdoptionTests {
    /// The storage document's own words.
    private static let originalSchema = """
        CREATE TABLE tasks
        (
            task_id      VARCHAR(255) PRIMARY KEY,
            name         VARCHAR(255) NOT NULL,
            image        VARCHAR(255) NOT NULL,
            env          JSONB,
            status       VARCHAR(50)  NOT NULL,
            node_id      VARCHAR(255),
            container_id VARCHAR(255),
            created_at   TIMESTAMP    NOT NULL,
            started_at   TIMESTAMP,
            finished_at  TIMESTAMP,
            error        TEXT
        );
        CREATE TABLE nodes
        (
            node_id        VARCHAR(255) PRIMARY KEY,
            hostname       VARCHAR(255) NOT NULL,
            port           INTEGER      NOT NULL,
            status         VARCHAR(50)  NOT NULL,
            capacity       INTEGER      NOT NULL,
            running_tasks  INTEGER      NOT NULL DEFAULT 0,
            last_heartbeat TIMESTAMP    NOT NULL
        );
        CREATE INDEX idx_tasks_status ON tasks (status);
        CREATE INDEX idx_tasks_node_id ON tasks (node_id);
        CREATE INDEX idx_nodes_status ON nodes (status);
        CREATE INDEX idx_nodes_last_heartbeat ON nodes (last_heartbeat);
        """

    private static func database(_ rows: String) throws -> Database {
        let database = try Database()
        let connection = try database.connect()
        try connection.executeScript(originalSchema)
        try connection.executeScript("INSERT INTO tasks VALUES \(rows)")
        return database
    }

    private static func open(_ database: Database, endedMax: Int = 100) async throws -> PostgresStore {
        let store = try await PostgresStore.open(
            url: database.url,
            name: "test",
            retention: Retention(heldMax: endedMax),
            logger: Logger(label: "test")
        )
        await store.isLeading()
        return store
    }

    private actor Collected {
        var rows: [String: TaskRow] = [:]
        func add(_ more: [TaskRow]) { for row in more { rows[row.idText] = row } }
    }

    private static func loaded(_ database: Database, endedMax: Int = 100) async throws -> [String: TaskRow] {
        let store = try await open(database, endedMax: endedMax)
        let collected = Collected()
        try await store.load { await collected.add($0.tasks) }
        await store.close()
        return await collected.rows
    }

    private static let rows = """
        ('6a0f-P', 'wait', 'busybox', '{"A": "1", "B": "é \\"q\\""}', 'pending', NULL, NULL,
            '2026-01-02 03:04:05.678', NULL, NULL, NULL),
        ('6a0f-S', 'go', 'busybox', NULL, 'scheduled', 'n1', NULL, '2026-01-02 03:04:06', NULL, NULL, NULL),
        ('6a0f-R', 'run', 'busybox', 'null', 'running', 'n1', 'c0ffee', '2026-01-02 03:04:07',
            '2026-01-02 03:04:08', NULL, NULL),
        ('6a0f-C', 'done', 'busybox', '{}', 'completed', 'n1', 'c1', '2026-01-02 03:04:09',
            '2026-01-02 03:04:10', '2026-01-02 03:04:11', NULL),
        ('6a0f-F', 'bad', 'busybox', NULL, 'failed', 'n2', 'c2', '2026-01-02 03:04:12',
            '2026-01-02 03:04:13', '2026-01-02 03:04:14', 'it said no'),
        ('6a0f-X', 'gone', 'busybox', NULL, 'cancelled', NULL, NULL, '2026-01-02 03:04:15', NULL, NULL, NULL)
        """

    @Test func everyRowBecomesATask() async throws {
        let database = try Self.database(Self.rows)
        let rows = try await Self.loaded(database)
        let start = Int64(1_767_323_045_000)
        #expect(rows.count == 6)
        let statuses = rows.mapValues(\.status)
        #expect(
            statuses == [
                "6a0f-P": .pending, "6a0f-S": .scheduled, "6a0f-R": .running, "6a0f-C": .completed, "6a0f-F": .failed,
                "6a0f-X": .cancelled,
            ]
        )
        #expect(
            rows.mapValues(\.attempt) == ["6a0f-P": 0, "6a0f-S": 1, "6a0f-R": 1, "6a0f-C": 1, "6a0f-F": 1, "6a0f-X": 0]
        )
        let pending = try #require(rows["6a0f-P"])
        #expect(pending.createdAt == start + 678)
        #expect(
            String(decoding: pending.spec ?? [], as: UTF8.self)
                == #""name":"wait","image":"busybox","env":{"A": "1", "B": "é \"q\""}"#
        )
        let running = try #require(rows["6a0f-R"])
        #expect((running.nodeID, running.containerID, running.startedAt) == ("n1", "c0ffee", start + 3_000))
        #expect(String(decoding: running.spec ?? [], as: UTF8.self) == #""name":"run","image":"busybox""#)
        let failed = try #require(rows["6a0f-F"])
        #expect((failed.error, failed.finishedAt, failed.exitCode) == ("it said no", start + 9_000, nil))
    }

    @Test func whatNoRuleFitsIsKept() async throws {
        let long = String(repeating: "x", count: 70_000)
        let database = try Self.database(
            """
            ('', 'Name with "quotes"', 'NO SUCH//IMAGE', '[1]', 'Running ', NULL, NULL, '-infinity', NULL, NULL, NULL),
            ('a/b'' é', 'n', 'i', '{"A": 1e400}', 'paused', 'node "1"', NULL, '2026-01-01', NULL, NULL, 'why'),
            ('t0123456789ab', 'n', 'i', NULL, 'canceled', NULL, NULL, '2026-01-01', NULL, NULL, repeat('ü', 2000)),
            ('big', 'n', 'i', '{"A": "\(long)"}', 'completed', NULL, NULL, '2026-01-01', NULL, 'infinity', NULL)
            """
        )
        let rows = try await Self.loaded(database)
        #expect(rows.count == 4)
        let odd = try #require(rows[""])
        #expect((odd.status, odd.createdAt) == (.pending, 0))
        let paused = try #require(rows["a/b' é"])
        #expect((paused.status, paused.nodeID) == (.failed, "node \"1\""))
        #expect(paused.error?.contains(#"status "paused" is none of Podling's"#) == true)
        #expect(paused.error?.contains("env: ") == true)
        #expect(paused.error?.hasSuffix("; why") == true)
        let ours = try #require(rows["t0123456789ab"])
        #expect((ours.foreignID, ours.status, ours.error?.utf8.count) == (nil, .cancelled, Limits.errorBytesMax))
        #expect(rows["big"]?.spec.map { $0.count < 100 } == true)
        #expect(rows["big"]?.finishedAt == 0)
        // The database still has all of it.
        let left = try database.connect().execute("SELECT count(*) FROM tasks WHERE env IS NOT NULL AND spec IS NULL")
        #expect(left.int(0, 0) == 3)
    }

    @Test func ofEndedOnesTheLatestAreTaken() async throws {
        let database = try Self.database(
            (1...20).map {
                "('e\($0)', 'a', 'b', NULL, '\($0 % 5 == 0 ? "pending" : "failed")', NULL, NULL, now(), NULL, "
                    + "timestamp '2026-01-01' + \($0) * interval '1 hour', NULL)"
            }.joined(separator: ",")
        )
        let rows = try await Self.loaded(database, endedMax: 3)
        #expect(Set(rows.keys) == ["e5", "e10", "e15", "e20", "e19", "e18", "e17"])
    }

    @Test func anAdoptedRowGoesOnAndIsAdoptedAgain() async throws {
        let database = try Self.database(Self.rows)
        let first = try await Self.loaded(database)
        var later = try #require(first["6a0f-P"])
        later.spec = nil
        (later.status, later.attempt, later.nodeID, later.exitCode) = (.completed, 2, "n9", 0)
        let store = try await Self.open(database)
        var batch = StoreBatch()
        batch.tasks = [later]
        let result = await withCheckedContinuation { done in
            _ = store.commit(batch) { done.resume(returning: $0) }
        }
        try result.get()
        await store.close()
        let again = try #require(try await Self.loaded(database)["6a0f-P"])
        #expect((again.status, again.attempt, again.nodeID, again.exitCode) == (.completed, 2, "n9", 0))
        #expect(again.spec == first["6a0f-P"]?.spec)
    }
}
