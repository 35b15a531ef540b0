import Logging
import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

@testable import PodlingPostgres

/// Reads separate from the writer, of what the master does not hold.
@Suite(.enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10))) struct ReadTests {
    private static let now: Int64 = 1_790_000_000_123

    private static func row(_ number: UInt64) -> TaskRow {
        var row = TaskRow(id: TaskID(number: 1 << 40 + number), createdAt: now + Int64(number) * 1_000)
        row.spec = Array(#""name":"a","image":"busybox""#.utf8)
        return row
    }

    private static func withStore(
        _ rows: [TaskRow],
        _ body: (PostgresStore, Database) async throws -> Void
    ) async throws {
        let database = try Database()
        let store = try await PostgresStore.open(url: database.url, name: "test", logger: Logger(label: "test"))
        await store.isLeading()
        var batch = StoreBatch()
        batch.tasks = rows
        let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
            _ = store.commit(batch) { continuation.resume(returning: $0) }
        }
        try result.get()
        try await body(store, database)
        await store.close()
    }

    private static func read(_ store: PostgresStore, _ query: StoreQuery) async throws -> StorePage {
        let result: Result<StorePage, StoreError> = await withCheckedContinuation { continuation in
            store.read(query) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    @Test func aConnectionThatWasCutIsMadeAgain() async throws {
        try await Self.withStore([Self.row(1)]) { store, database in
            for _ in 1...3 {
                #expect(try await Self.read(store, .tasks(TaskQuery(filter: TaskFilter(), limit: 1))).tasks.count == 1)
                try database.connect().execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                        + "AND datname = current_database()"
                )
            }
        }
    }

    @Test func aRowOfAnotherProgramIsShown() async throws {
        try await Self.withStore([Self.row(1)]) { store, database in
            try database.connect().executeScript(
                "INSERT INTO tasks (task_id, name, image, env, status, created_at, finished_at) "
                    + "VALUES ('4711-old', 'n', 'i', '{\"A\":\"b\"}', 'Failed', now(), 'infinity')"
            )
            let rows = try await Self.read(store, .tasks(TaskQuery(filter: TaskFilter(), limit: 10))).tasks
            #expect(rows.map(\.idText) == ["4711-old", Self.row(1).id.text])
            #expect(rows.first?.status == .failed)
            #expect(rows.first?.spec.map { String(decoding: $0, as: UTF8.self).contains(#""env":{"A""#) } == true)
        }
    }
}
