import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

/// Rows that a user's constraint refuses: a store without rows refuses none.
extension StoreBench {
    func aRefusedRowIsNamedAndTheRestIsDurable() async throws {
        let store = try await leader()
        try await stand.refuseRows()
        let refused = try await commit(
            store,
            Self.batch([row(1), row(2, name: "bad"), row(3)], nodes: [node("a")], removed: ["b"])
        )
        #expect(refused.map(\.task) == kept([row(2).id]))
        #expect(refused.allSatisfy { $0.isNew && !$0.reason.isEmpty })
        try await commit(store, Self.batch([row(4)]))
        await close(store, answers: 2)
        let loaded = try await loaded()
        #expect(loaded.tasks == kept([row(1), row(3), row(4)]))
        #expect(loaded.nodes == kept([node("a")]))
    }

    func aGroupIsRefusedAsAWhole() async throws {
        let store = try await leader()
        try await stand.refuseRows()
        var group = [row(1), row(2, name: "bad"), row(3)]
        for index in group.indices { group[index].group = 7 }
        let refused = try await commit(store, Self.batch(group + [row(4)]))
        #expect(refused.map(\.task.number).sorted() == kept([1, 2, 3]))
        #expect(refused.allSatisfy { $0.isNew })
        await close(store, answers: 1)
        #expect(try await loaded().tasks == kept([row(4)]))
    }

    func aRefusedChangeLeavesTheRowAsItWas() async throws {
        let store = try await leader()
        try await commit(store, Self.batch([row(1, name: "rude"), row(2)]))
        try await stand.refuseRows()
        let refused = try await commit(
            store,
            Self.batch([change(row(1, .running, name: "rude")), change(row(2, .running))])
        )
        #expect(refused.map(\.task) == kept([row(1).id]))
        #expect(refused.allSatisfy { !$0.isNew })
        await close(store, answers: 2)
        #expect(try await loaded().tasks == kept([row(1, name: "rude"), row(2, .running)]))
    }

    /// Also where several batches become one.
    func aRefusalIsReportedWithItsOwnBatch() async throws {
        let store = try await leader()
        try await stand.refuseRows()
        let count: UInt64 = 40
        for number in 1...count { _ = begin(store, Self.batch([row(number, name: number % 4 == 0 ? "bad" : "a")])) }
        let answers = await store.answers(promises.keepsRows ? Int(count) : 0)
        for answer in answers {
            try answer.result.get()
            let number = UInt64(answer.batch + 1)
            #expect(answer.refused.map(\.task.number) == (number % 4 == 0 ? [number] : []))
        }
        #expect(answers.count == kept(Array(1...count)).count)
        await close(store, answers: Int(count))
        #expect(try await loaded().tasks.map(\.id.number) == kept((1...count).filter { $0 % 4 != 0 }))
    }
}
