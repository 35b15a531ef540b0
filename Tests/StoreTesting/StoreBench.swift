import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

/// A stand with what most checks do on it.
struct StoreBench {
    let stand: any StoreStand

    init(_ stand: any StoreStand) { self.stand = stand }

    var promises: StorePromises { stand.promises }
    var now: Int64 { stand.now }

    // MARK: Stores

    func open(
        _ address: String = "host-1:1",
        hasLongLease: Bool = false,
        heldMax: Int = 1_000
    ) async throws -> any StoreInTest {
        let store = try await stand.open(address, hasLongLease: hasLongLease, heldMax: heldMax)
        #expect(store.keepsRows == promises.keepsRows)
        return store
    }

    /// A store that leads.
    func leader(heldMax: Int = 1_000) async throws -> any StoreInTest {
        let store = try await open(heldMax: heldMax)
        try await wait(store, for: .leading)
        return store
    }

    func wait(_ store: any StoreInTest, for wanted: StoreLeadership) async throws {
        while true {
            let news = try #require(await store.news())
            if news == wanted { return }
        }
    }

    /// Commits, and waits for the answer.
    @discardableResult
    func commit(_ store: any StoreInTest, _ batch: StoreBatch) async throws -> [RefusedRow] {
        guard begin(store, batch) else { return [] }
        let answer = try #require(await store.answers(1).first)
        try answer.result.get()
        return answer.refused
    }

    /// Whether an answer is to come.
    func begin(_ store: any StoreInTest, _ batch: StoreBatch) -> Bool {
        let answer = store.commit(batch)
        #expect(answer == (promises.keepsRows ? .later : .durable))
        return answer == .later
    }

    /// Closes it; no batch may have been answered twice.
    func close(_ store: any StoreInTest, answers: Int? = nil) async {
        await store.close()
        if let answers { #expect(store.answerCount == (promises.keepsRows ? answers : 0)) }
    }

    /// What the next run loads.
    func loaded(heldMax: Int = 1_000) async throws -> Loaded {
        let store = try await leader(heldMax: heldMax)
        let loaded = Loaded(try await store.load())
        await store.close()
        return loaded
    }

    struct Loaded {
        var nodes: [NodeRow] = []
        var tasks: [TaskRow] = []
        var events: [TaskEventRow] = []
        var trail: EventTrail?
        var lastTaskID: TaskID?
        var isNodesFirst = true

        init(_ pieces: [StoreBatch]) {
            for piece in pieces {
                if !piece.nodes.isEmpty, !tasks.isEmpty { isNodesFirst = false }
                nodes += piece.nodes
                tasks += piece.tasks
                events += piece.events
                trail = piece.trail ?? trail
                lastTaskID = piece.lastTaskID ?? lastTaskID
            }
        }
    }

    /// Rows as they are found again: none, where none are kept.
    func kept<Row>(_ rows: [Row]) -> [Row] { promises.keepsRows ? rows : [] }

    // MARK: Rows

    static func batch(_ rows: [TaskRow], nodes: [NodeRow] = [], removed: [String] = []) -> StoreBatch {
        var batch = StoreBatch(tasks: rows)
        (batch.nodes, batch.removedNodeIDs) = (nodes, removed)
        return batch
    }

    func row(_ number: UInt64, _ status: TaskStatus = .pending, name: String = #"a\u00e4"#) -> TaskRow {
        var row = TaskRow(id: TaskID(number: number), createdAt: now + Int64(number & 0xFFFF) * 1_000)
        row.status = status
        row.spec = Array(
            #""name":"\#(name)","image":"busybox","env":{"Q":"\"\\,{}"},"labels":{"n":"\#(number % 3)"},"command":["é 'x'"]"#
                .utf8
        )
        guard status != .pending else { return row }
        (row.attempt, row.nodeID, row.scheduledAt) = (1, "n\(number % 2)", row.createdAt + 1)
        return row
    }

    /// The row as a later change of it: without the spec.
    func change(_ row: TaskRow) -> TaskRow {
        var row = row
        row.spec = nil
        return row
    }

    func node(_ id: String) -> NodeRow {
        var row = NodeRow(id: id)
        (row.instance, row.hostname, row.engine, row.version) = ("i1", "h é \"q\"", "docker", "27")
        (row.labels, row.slots, row.cpuMillis) = (["zone": "a\"\\{}", "é": ""], 4, 1_500)
        (row.used, row.cpuMillisUsed, row.memoryBytesUsed) = (2, 500, 1 << 40)
        (row.isOnline, row.isDraining, row.registeredAt, row.lastSeenAt) = (true, true, now, now + 1)
        return row
    }
}
