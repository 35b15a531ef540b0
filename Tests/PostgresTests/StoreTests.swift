import FoundationEssentials
import Logging
import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

@testable import PodlingPostgres

@Suite(.enabled(if: Database.server != nil, Database.skipMessage)) struct StoreTests {
    /// What ended long ago is not loaded.
    private static let now = Int64(Date().timeIntervalSince1970) * 1_000 + 123

    private static func open(_ database: Database) async throws -> PostgresStore {
        let store = try await PostgresStore.open(url: database.url, name: "test", logger: Logger(label: "test"))
        await store.isLeading()
        return store
    }

    private static func row(_ number: UInt64) -> TaskRow {
        var row = TaskRow(id: TaskID(number: number), createdAt: now)
        row.spec = Array(#""name":"a","image":"busybox""#.utf8)
        return row
    }

    private static func commit(_ store: PostgresStore, _ batch: StoreBatch) async throws {
        let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
            _ = store.commit(batch) { continuation.resume(returning: $0) }
        }
        try result.get()
    }

    private static func batch(_ rows: [TaskRow]) -> StoreBatch {
        var batch = StoreBatch()
        batch.tasks = rows
        return batch
    }

    private actor Collected {
        var rows: [TaskRow] = []
        func add(_ more: [TaskRow]) { rows += more }
    }

    private static func loaded(_ database: Database) async throws -> [TaskRow] {
        let store = try await open(database)
        let collected = Collected()
        try await store.load { await collected.add($0.tasks) }
        await store.close()
        return await collected.rows
    }

    @Test func aTransactionIsBoundedInRows() async throws {
        let database = try Database()
        let store = try await Self.open(database)
        let (batches, rowsEach) = (5, PostgresStore.transactionRowsMax * 3 / 4)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<batches {
                let ids = UInt64(number * rowsEach + 1)...UInt64((number + 1) * rowsEach)
                let batch = Self.batch(ids.map { Self.row($0) })
                group.addTask { try await Self.commit(store, batch) }
            }
            try await group.waitForAll()
        }
        await store.close()
        let sizes = try database.connect().execute(
            "SELECT max(size), sum(size) FROM (SELECT count(*) AS size FROM tasks GROUP BY xmin::text) AS t"
        )
        #expect(sizes.int(0, 1) == batches * rowsEach)
        #expect(sizes.int(0, 0) ?? 0 < PostgresStore.transactionRowsMax + rowsEach)
    }

    @Test func aConnectionThatIsCutIsMadeAgain() async throws {
        let database = try Database()
        let store = try await Self.open(database)
        for number in 1...5 {
            try database.connect().execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                    + "AND pid <> pg_backend_pid()"
            )
            try await Self.commit(store, Self.batch([Self.row(UInt64(number))]))
        }
        await store.close()
        #expect(try await Self.loaded(database).count == 5)
    }

    @Test func aNewerSchemaIsRefused() async throws {
        let database = try Database()
        await (try Self.open(database)).close()
        try database.connect().executeScript("INSERT INTO podling_schema (version) VALUES (99)")
        await #expect { try await Self.open(database) } throws: { "\($0)".contains("version 99") }
    }

    @Test(arguments: [
        ("postgres://u:s3cret@127.0.0.1:1/db", "Is PostgreSQL running there"),
        ("postgres://u:s3cret@127.0.0.1:x%zz/db", "DATABASE_URL is malformed"),
        ("mysql", "DATABASE_URL is malformed"),
        ("postgres://u:s3cret@no-such-host.invalid/db", "Check the host"),
    ])
    func whatIsWrongIsSaidWithoutThePassword(url: String, words: String) {
        #expect {
            _ = try PGConnection(url)
        } throws: {
            "\($0)".contains(words) && !"\($0)".contains("s3cret")
        }
    }

    @Test func aMissingDatabaseIsSaid() throws {
        let database = try Database()
        #expect {
            _ = try PGConnection(database.url.replacing("/podling_", with: "/missing_"))
        } throws: {
            "\($0)".contains("CREATE DATABASE") && ($0 as? PGError)?.sqlState == "3D000"
        }
    }
}
