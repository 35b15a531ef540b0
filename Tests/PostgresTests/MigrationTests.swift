import Logging
import PodlingCore
import PodlingProtocol
import PodlingStore
import Synchronization
import Testing

@testable import PodlingPostgres

/// The schema's steps, by a master and by hand.
@Suite(.serialized, .enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10)))
struct MigrationTests {
    private static func open(_ url: String, mayMigrate: Bool = true) async throws -> PostgresStore {
        var retention = Retention(heldMilliseconds: 36_500 * 86_400_000)
        retention.pace.roundMilliseconds = 10
        retention.pace.dropMilliseconds = 50
        return try await PostgresStore.open(
            url: url,
            name: "test",
            retention: retention,
            mayMigrate: mayMigrate,
            logger: Logger(label: "test")
        )
    }

    private static func byHand(_ database: Database, isDryRun: Bool = false) async throws -> [String] {
        let lines = Lines()
        try await MigrationByHand.run(url: database.url, isDryRun: isDryRun) { line in
            lines.all.withLock { $0.append(line) }
        }
        return lines.all.withLock { $0 }
    }

    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    private static func relations(_ database: Database) throws -> [String] {
        let result = try database.connect().execute(
            """
            SELECT c.relkind::text || ' ' || c.relname || ' ' || coalesce(string_agg(a.attname, ',' ORDER BY a.attnum), '')
            FROM pg_class AS c LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
            WHERE c.relnamespace = 'public'::regnamespace GROUP BY c.relkind, c.relname ORDER BY 1
            """
        )
        return (0..<result.rowCount).compactMap { result.text($0, 0) }
    }

    @Test func aDryRunSaysWhatWouldBeDoneAndDoesNothing() async throws {
        let database = try Database()
        let said = try await Self.byHand(database, isDryRun: true)
        #expect(try Self.relations(database).isEmpty)
        for number in 1...Schema.steps.count { #expect(said.contains { $0.hasPrefix("-- step \(number): ") }) }
        // What it says is what would be done.
        try database.connect().executeScript(said.joined(separator: "\n"))
        let byScript = try Self.relations(database)
        #expect(try await Self.byHand(database, isDryRun: true).last == "-- nothing to do")
        #expect(try await Self.byHand(database).last == "nothing to do")
        let other = try Database()
        let done = try await Self.byHand(other)
        #expect(done.last == "done")
        #expect(try Self.relations(other) == byScript)
        for table in ["task_history", "task_events"] {
            #expect(
                done.filter { $0.hasPrefix("partition \(table)_") }.count == MonthlyPartitions.monthsAheadByHand + 1
            )
        }
    }

    @Test(arguments: 1..<Schema.steps.count) func everyOlderVersionIsBroughtUp(version: Int) async throws {
        let database = try Database()
        for number in 1...version {
            try database.connect().executeScript(Migration.sql(number, Schema.steps[number - 1]))
        }
        await #expect { try await Self.open(database.url, mayMigrate: false) } throws: {
            "\($0)".contains("version \(version)") && "\($0)".contains("podling-master migrate")
        }
        let said = try await Self.byHand(database)
        #expect(said.filter { $0.hasPrefix("step ") }.count == Schema.steps.count - version)
        let store = try await Self.open(database.url, mayMigrate: false)
        await store.isLeading()
        await store.close()
    }

    @Test func severalMayMigrateAtOnce() async throws {
        let database = try Database()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...4 { group.addTask { _ = try await Self.byHand(database) } }
            try await group.waitForAll()
        }
        #expect(try await Self.byHand(database).last == "nothing to do")
    }

    /// A later version expands the tables while this one leads: this one continues, and none of its kind starts any more.
    @Test func aMasterThatLeadsGoesOnWhenALaterVersionExpandsTheTables() async throws {
        let database = try Database()
        let store = try await Self.open(database.url)
        await store.isLeading()
        try await store.load { _ in }
        func commit(_ number: UInt64) async throws {
            var row = TaskRow(id: TaskID(number: number), createdAt: 1_790_000_000_000)
            row.spec = Array(#""name":"a","image":"busybox""#.utf8)
            var batch = StoreBatch(tasks: [row])
            batch.nodes = [NodeRow(id: "n\(number)")]
            let whole = batch
            let result = await withCheckedContinuation { done in
                _ = store.commit(whole) { done.resume(returning: $0) }
            }
            try result.get()
        }
        try await commit(1)
        let later = Schema.steps.count + 1
        try database.connect().executeScript(
            """
            BEGIN;
            ALTER TABLE tasks ADD COLUMN later TEXT NOT NULL DEFAULT 'x';
            ALTER TABLE task_history ADD COLUMN later TEXT NOT NULL DEFAULT 'x';
            ALTER TABLE nodes ADD COLUMN later BIGINT;
            INSERT INTO podling_schema (version) VALUES (\(later));
            COMMIT
            """
        )
        try await commit(2)
        let page = await withCheckedContinuation { done in
            store.read(.tasks(TaskQuery(filter: TaskFilter(), limit: 10))) { done.resume(returning: $0) }
        }
        #expect(try page.get().tasks.map(\.id.number) == [1, 2])
        await #expect { try await Self.open(database.url) } throws: { "\($0)".contains("version \(later)") }
        await store.close()
        let rows = try database.connect().execute("SELECT count(*), min(later) FROM tasks")
        #expect(rows.int(0, 0) == 2 && rows.text(0, 1) == "x")
    }

    @Test func aStepThatFailsLeavesTheOneBefore() async throws {
        let database = try Database()
        let connection = try database.connect()
        for number in 1...4 { try connection.executeScript(Migration.sql(number, Schema.steps[number - 1])) }
        try connection.executeScript("CREATE TABLE task_history_default (a int)")
        await #expect(throws: PGError.self) { _ = try await Self.byHand(database) }
        #expect(try connection.execute("SELECT max(version) FROM podling_schema").int(0, 0) == 4)
        #expect(try connection.execute("SELECT count(*) FROM pg_class WHERE relname = 'task_history'").int(0, 0) == 0)
        try connection.executeScript("DROP TABLE task_history_default")
        #expect(try await Self.byHand(database).last == "done")
    }

    @Test func theHotTableIsMadeForItsLoad() async throws {
        let database = try Database()
        _ = try await Self.byHand(database)
        let connection = try database.connect()
        let options = try connection.execute(
            "SELECT array_to_string(reloptions, ' ') FROM pg_class WHERE relname = 'tasks'"
        ).text(0, 0)
        for option in ["fillfactor=70", "autovacuum_vacuum_scale_factor=0.01", "autovacuum_vacuum_cost_delay=1"] {
            #expect(options?.contains(option) == true)
        }
        let indexes = try connection.execute(
            "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'tasks'"
        ).text(0, 0)
        #expect(indexes == "idx_tasks_node_id idx_tasks_pending idx_tasks_status tasks_pkey")
    }

    /// A service that may read and write rows, and nothing else.
    @Test func aUserWhoMayAlterNoTableServes() async throws {
        let database = try Database()
        let connection = try database.connect()
        let role = "dml_\(UInt32.random(in: 0...UInt32.max))"
        try connection.executeScript("CREATE ROLE \(role) LOGIN")
        defer { try? connection.executeScript("DROP OWNED BY \(role); DROP ROLE \(role)") }
        let url = database.url.replacing("//podling@", with: "//\(role)@")
        try #require(url != database.url, "the user of TEST_DATABASE_URL is not podling")
        await #expect { try await Self.open(url) } throws: { "\($0)".contains("podling-master migrate") }
        _ = try await Self.byHand(database)
        // As if a year had passed since.
        let months = try MonthlyPartitions(of: .history, connection).months()
        for month in months { try MonthlyPartitions(of: .history, connection).drop(month) }
        try connection.executeScript(
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC; "
                + "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \(role)"
        )
        let store = try await Self.open(url)
        await store.isLeading()
        try await store.load { _ in }
        var row = TaskRow(id: TaskID(number: 1 << 40), createdAt: 1_790_000_000_000)
        row.spec = Array(#""name":"a","image":"busybox""#.utf8)
        (row.status, row.attempt, row.finishedAt) = (.completed, 1, row.createdAt + 5)
        var batch = StoreBatch()
        (batch.tasks, batch.forgottenUpTo) = ([row], row.finishedAt)
        let result = await withCheckedContinuation { done in
            _ = store.commit(batch) { done.resume(returning: $0) }
        }
        try result.get()
        let page = await withCheckedContinuation { done in
            store.read(.task(id: row.idText)) { done.resume(returning: $0) }
        }
        #expect(try page.get().tasks == [row])
        // It goes once there is a partition for it, and something else is forgotten.
        let month = try #require(Month("2026_09"))
        try MonthlyPartitions(of: .history, connection).make(month)
        batch.tasks = []
        for attempt in 1...1_000
        where try connection.execute("SELECT count(*) FROM task_history_2026_09").int(0, 0) == 0 {
            batch.forgottenUpTo = row.finishedAt + Int64(attempt)
            let empty = batch
            _ = await withCheckedContinuation { done in _ = store.commit(empty) { done.resume(returning: $0) } }
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try connection.execute("SELECT count(*) FROM task_history_2026_09").int(0, 0) == 1)
        await store.close()
    }
}
