import Logging
import PodlingCore
import PodlingStore
import Testing

@testable import PodlingPostgres

@Suite(.enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10))) struct NodeTests {
    private static let now: Int64 = 1_790_000_000_123

    private static func open(_ database: Database) async throws -> PostgresStore {
        let store = try await PostgresStore.open(url: database.url, name: "test", logger: Logger(label: "test"))
        await store.isLeading()
        return store
    }

    private static func row(_ id: String) -> NodeRow {
        var row = NodeRow(id: id)
        (row.instance, row.hostname, row.engine, row.version) = ("i1", "h é \"q\"", "docker", "27")
        (row.labels, row.slots, row.cpuMillis) = (["zone": "a\"\\{}", "é": ""], 4, 1_500)
        (row.used, row.cpuMillisUsed, row.memoryBytesUsed) = (2, 500, 1 << 40)
        (row.isOnline, row.isDraining, row.registeredAt, row.lastSeenAt) = (true, true, now, now + 1)
        return row
    }

    private static func commit(_ store: PostgresStore, _ batch: StoreBatch) async throws {
        let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
            _ = store.commit(batch) { continuation.resume(returning: $0) }
        }
        try result.get()
    }

    private static func batch(_ nodes: [NodeRow], removed: [String] = []) -> StoreBatch {
        var batch = StoreBatch()
        (batch.nodes, batch.removedNodeIDs) = (nodes, removed)
        return batch
    }

    private actor Collected {
        var nodes: [String: NodeRow] = [:]
        func add(_ more: [NodeRow]) { for node in more { nodes[node.id] = node } }
    }

    private static func loaded(_ database: Database) async throws -> [String: NodeRow] {
        let store = try await open(database)
        let collected = Collected()
        try await store.load { await collected.add($0.nodes) }
        await store.close()
        return await collected.nodes
    }

    /// Another program may read them by the first schema.
    @Test func theFirstSchemasColumnsAreFilled() async throws {
        let database = try Database()
        let store = try await Self.open(database)
        try await Self.commit(store, Self.batch([Self.row("a")]))
        let columns = try database.connect().execute(
            "SELECT status, capacity, running_tasks, port, labels->>'zone' FROM nodes WHERE node_id = 'a'"
        )
        #expect((0..<5).map { columns.text(0, $0) } == ["online", "4", "2", "0", "a\"\\{}"])
        await store.close()
    }

    @Test func ofSeveralBatchesTheLastWordCounts() {
        var later = Self.row("a")
        later.isDraining = false
        let one = StoreBatch(coalescing: [
            Self.batch([Self.row("a"), Self.row("b")]), Self.batch([Self.row("c")], removed: ["b", "a"]),
            Self.batch([later]),
        ])
        #expect(one.nodes == [later, Self.row("c")])
        #expect(one.removedNodeIDs == ["b"])
        #expect(one.rowCount == 3)
    }

    /// Of the first schema, in shapes that no rule of ours fits.
    @Test func theNodesOfAnotherProgramAreLoadedAndKept() async throws {
        let database = try Database()
        try database.connect().executeScript("\(Schema.steps[0].sql)")
        try database.connect().executeScript(
            """
            INSERT INTO nodes VALUES ('', '', 0, 'ONLINE?', 0, 0, '-infinity'),
                ('node "1" é', 'h', -1, 'online', -5, -7, 'infinity'), ('old', 'h2', 9090, 'offline', 2147483647, 3,
                '0044-03-15 BC'), ('far', 'h3', 1, 'x', 1, 1, '294276-12-31')
            """
        )
        let nodes = try await Self.loaded(database)
        #expect(nodes.count == 4)
        let odd = try #require(nodes["node \"1\" é"])
        #expect((odd.slots, odd.used, odd.lastSeenAt, odd.isOnline, odd.labels) == (0, 0, 0, true, [:]))
        #expect(nodes["old"]?.slots == 2_147_483_647)
        // It is offline now, its other columns are left, and to be forgotten is no reason to delete it.
        let store = try await Self.open(database)
        var changed = try #require(nodes["old"])
        changed.isOnline = false
        try await Self.commit(store, Self.batch([changed], removed: ["", "far"]))
        await store.close()
        let left = try database.connect().execute("SELECT count(*), max(port) FROM nodes")
        #expect((left.int(0, 0), left.int(0, 1)) == (4, 9_090))
        // What that program writes still fits.
        try database.connect().executeScript(
            "INSERT INTO nodes (node_id, hostname, port, status, capacity, last_heartbeat) "
                + "VALUES ('new', 'h', 1, 'online', 2, now())"
        )
    }
}
