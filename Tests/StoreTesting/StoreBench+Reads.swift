import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

extension StoreBench {
    /// The page that a query gives; an empty one from a store that is none to ask, which says so.
    func read(_ store: any StoreInTest, _ query: StoreQuery) async throws -> StorePage {
        let result = await store.read(query)
        guard promises.keepsRows else {
            #expect(throws: StoreError.self) { _ = try result.get() }
            return StorePage()
        }
        return try result.get()
    }

    func readTasks(_ store: any StoreInTest, _ query: StoreQuery) async throws -> [TaskRow] {
        try await read(store, query).tasks
    }

    /// All pages of a list.
    private func list(_ store: any StoreInTest, _ query: TaskQuery) async throws -> [TaskRow] {
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

    private func store(of rows: [TaskRow]) async throws -> any StoreInTest {
        let store = try await leader()
        try await commit(store, Self.batch(rows))
        return store
    }

    func aTaskIsReadAsItWasWritten() async throws {
        let rows = [row(1), row(2, .running)]
        let store = try await store(of: rows)
        for row in rows {
            #expect(try await readTasks(store, .task(id: row.id.text)) == kept([row]))
        }
        #expect(try await readTasks(store, .task(id: "nobody's")).isEmpty)
        await close(store, answers: 1)
    }

    func whatExistsIsFoundByItsId() async throws {
        var foreign = TaskRow(foreignID: #"it's "{a},\ ä"#, createdAt: now)
        (foreign.status, foreign.spec, foreign.importedAt) = (.completed, row(1).spec, now + 5)
        let rows = [row(1), row(2, .running), foreign]
        let store = try await store(of: rows)
        let found = try await readTasks(store, .existing(ids: rows.map(\.idText) + ["nobody's", row(9).id.text]))
        #expect(Set(found.map(\.idText)) == Set(kept(rows).map(\.idText)))
        #expect(found.filter { $0.foreignID != nil } == kept([foreign]))
        #expect(try await readTasks(store, .existing(ids: ["no", "none"])).isEmpty)
        await close(store, answers: 1)
    }

    func pagesOfTasksAddUp() async throws {
        let rows = (0..<UInt64(250)).map { row(1 << 40 + $0, $0 % 4 == 0 ? .completed : .pending) }
        let store = try await store(of: rows)
        for limit in [1, 7, 100, 1_000] {
            let all = TaskQuery(filter: TaskFilter(), limit: limit)
            #expect(try await list(store, all) == kept(rows))
            var reversed = all
            reversed.isDescending = true
            #expect(try await list(store, reversed) == kept(rows.reversed()))
        }
        await close(store, answers: 1)
    }

    func filtersNarrow() async throws {
        let first: UInt64 = 1 << 40
        let rows = (0..<UInt64(60)).map {
            row(first + $0, [.pending, .running, .completed][Int($0) % 3], name: $0 % 5 == 0 ? "odd" : "a")
        }
        let store = try await store(of: rows)
        let middle = rows[30].createdAt
        let filters: [(change: (inout TaskFilter) -> Void, isWanted: (TaskRow) -> Bool)] = [
            (
                { $0.statuses = UInt8(1 << TaskStatus.running.rawValue | 1 << TaskStatus.completed.rawValue) },
                { $0.status != .pending }
            ),
            ({ $0.node = "n1" }, { $0.nodeID == "n1" }),
            ({ $0.name = "odd" }, { $0.spec?.starts(with: Array(#""name":"odd""#.utf8)) == true }),
            ({ $0.labels = [("n", "2")] }, { $0.id.number % 3 == 2 }),
            ({ $0.since = middle }, { $0.createdAt >= middle }),
            ({ $0.until = middle }, { $0.createdAt < middle }),
        ]
        for (change, isWanted) in filters {
            var filter = TaskFilter()
            change(&filter)
            let wanted = rows.filter(isWanted)
            #expect(!wanted.isEmpty && wanted.count < rows.count)
            #expect(try await list(store, TaskQuery(filter: filter, limit: 8)) == kept(wanted))
        }
        await close(store, answers: 1)
    }

    func pagesOfNodesAddUp() async throws {
        let store = try await leader()
        let ids = ["B", "a", "a b", "z", "é", "é\u{1F600}"]
        try await commit(store, Self.batch([], nodes: ids.map(node)))
        for limit in [1, 2, 3, 10] {
            var found: [String] = []
            var cursor: String?
            repeat {
                let nodes = try await read(store, .nodes(cursor: cursor, limit: limit)).nodes
                found += nodes.prefix(limit).map(\.id)
                cursor = nodes.count > limit ? nodes[limit - 1].id : nil
            } while cursor != nil
            #expect(found == kept(ids))
        }
        await close(store, answers: 1)
    }
}
