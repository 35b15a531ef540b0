import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

/// Masters that share a store; without rows there is nothing to share, and each leads.
extension StoreBench {
    func oneOfTwoLeads() async throws {
        let stores = [try await open("host-1:1"), try await open("host-2:2")]
        var leaders = 0
        for store in stores where await store.news() == .leading { leaders += 1 }
        #expect(leaders == (promises.keepsRows ? 1 : 2))
        for store in stores { await store.close() }
    }

    func theLeadIsHandedOver() async throws {
        // A lease that outlasts the test: its end is not waited for.
        let first = try await open("host-1:1", hasLongLease: true)
        #expect(await first.news() == .leading)
        let second = try await open("host-2:2")
        #expect(await second.news() == (promises.keepsRows ? .standby(leader: "host-1:1") : .leading))
        try await commit(first, Self.batch([row(1)]))
        await close(first, answers: 1)
        if promises.keepsRows { try await wait(second, for: .leading) }
        #expect(Loaded(try await second.load()).tasks == kept([row(1)]))
        try await commit(second, Self.batch([row(2)]))
        await close(second, answers: 1)
        #expect(try await loaded().tasks == kept([row(1), row(2)]))
    }

    func whoLostTheLeadWritesNothingMore() async throws {
        let store = try await leader()
        try await commit(store, Self.batch([row(1)], nodes: [node("a")]))
        try await stand.takeLeadAway()
        let batches = [
            Self.batch([change(row(1, .running)), row(2)], nodes: [node("b")], removed: ["a"]), Self.batch([row(3)]),
        ]
        for batch in batches where begin(store, batch) {
            let answer = try #require(await store.answers(1).first)
            guard case .failure(let error) = answer.result else {
                Issue.record("a master without the lead wrote")
                return
            }
            #expect(error.isLeadLost)
        }
        if promises.keepsRows { try await wait(store, for: .lost) }
        if promises.keepsRows {
            // A read is anybody's.
            #expect(try await readTasks(store, .existing(ids: [1, 2, 3].map { row($0).id.text })) == [row(1)])
            #expect(try await read(store, .nodes(cursor: nil, limit: 10)).nodes == [node("a")])
        }
        await close(store, answers: 3)
    }
}
