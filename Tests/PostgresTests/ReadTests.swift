import Logging
import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

@testable import PodlingPostgres

/// Reads separate from the writer, of what the master does not hold.
@Suite(.enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10))) struct ReadTests {
    private static let now: Int64 = 1_790_000_000_123

    private static func row(_ number: UInt64, _ status: TaskStatus = .pending, name: String = "a") -> TaskRow {
        var row = TaskRow(id: TaskID(number: 1 << 40 + number), createdAt: now + Int64(number) * 1_000)
        row.status = status
        row.spec = Array(#""name":"\#(name)","image":"busybox","labels":{"n":"\#(number % 3)"}"#.utf8)
        guard status != .pending else { return row }
        (row.attempt, row.nodeID, row.scheduledAt) = (1, "n\(number % 2)", row.createdAt + 1)
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

    /// All pages.
    private static func list(_ store: PostgresStore, _ query: TaskQuery) async throws -> [TaskRow] {
        var rows: [TaskRow] = []
        var query = query
        while true {
            let page = try await read(store, .tasks(query))
            #expect(page.tasks.count <= query.limit)
            rows += page.tasks
            guard let last = page.last else { return rows }
            query.cursor = last.idText
        }
    }

    @Test func oneTaskIsFoundAsItWasWritten() async throws {
        let rows = [Self.row(1), Self.row(2, .running)]
        try await Self.withStore(rows) { store, _ in
            for row in rows {
                let page = try await Self.read(store, .task(id: row.id.text))
                #expect(page.tasks == [row])
            }
            #expect(try await Self.read(store, .task(id: "nobody's")).tasks.isEmpty)
        }
    }

    @Test func whatExistsIsFoundByItsId() async throws {
        var foreign = TaskRow(foreignID: #"it's "{a},\ ä"#, createdAt: Self.now)
        (foreign.status, foreign.spec, foreign.importedAt) = (.completed, Self.row(1).spec, Self.now + 5)
        let rows = [Self.row(1), Self.row(2, .running), foreign]
        try await Self.withStore(rows) { store, _ in
            let ids = rows.map(\.idText) + ["nobody's", Self.row(9).id.text]
            let page = try await Self.read(store, .existing(ids: ids))
            #expect(Set(page.tasks.map(\.idText)) == Set(rows.map(\.idText)))
            #expect(page.tasks.first { $0.idText == foreign.idText } == foreign)
            #expect(try await Self.read(store, .existing(ids: ["no", "none"])).tasks.isEmpty)
        }
    }

    @Test(arguments: [1, 7, 100, 1_000]) func pagesAddUpInBothOrders(limit: Int) async throws {
        let rows = (0..<250).map { Self.row($0, $0 % 4 == 0 ? .completed : .pending) }
        try await Self.withStore(rows) { store, _ in
            let all = TaskQuery(filter: TaskFilter(), limit: limit)
            let ascending = try await Self.list(store, all)
            #expect(ascending == rows)
            var reversed = all
            reversed.isDescending = true
            let descending = try await Self.list(store, reversed)
            #expect(descending == rows.reversed())
        }
    }

    @Test func filtersNarrow() async throws {
        let rows = (0..<60).map {
            Self.row($0, [.pending, .running, .completed][Int($0) % 3], name: $0 % 5 == 0 ? "odd" : "a")
        }
        try await Self.withStore(rows) { store, _ in
            func expect(_ change: (inout TaskFilter) -> Void, _ isWanted: (TaskRow) -> Bool) async throws {
                var filter = TaskFilter()
                change(&filter)
                let found = try await Self.list(store, TaskQuery(filter: filter, limit: 8))
                let wanted = rows.filter(isWanted)
                #expect(found == wanted)
                #expect(!found.isEmpty && found.count < rows.count)
            }
            let bits = 1 << TaskStatus.running.rawValue | 1 << TaskStatus.completed.rawValue
            try await expect({ $0.statuses = UInt8(bits) }, { $0.status != .pending })
            try await expect({ $0.node = "n1" }, { $0.nodeID == "n1" })
            try await expect({ $0.name = "odd" }, { $0.spec?.starts(with: Array(#""name":"odd""#.utf8)) == true })
            try await expect({ $0.labels = [("n", "2")] }, { ($0.id.number - 1 << 40) % 3 == 2 })
            try await expect({ $0.since = Self.now + 10_000 }, { $0.createdAt >= Self.now + 10_000 })
            try await expect({ $0.until = Self.now + 10_000 }, { $0.createdAt < Self.now + 10_000 })
        }
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
            let rows = try await Self.list(store, TaskQuery(filter: TaskFilter(), limit: 10))
            #expect(rows.map(\.idText) == ["4711-old", Self.row(1).id.text])
            #expect(rows.first?.status == .failed)
            #expect(rows.first?.spec.map { String(decoding: $0, as: UTF8.self).contains(#""env":{"A""#) } == true)
        }
    }
}
