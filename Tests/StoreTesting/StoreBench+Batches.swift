import PodlingCore
import PodlingStore
import Testing

extension StoreBench {
    func oneBatchAfterAnotherIsAnsweredOnce() async throws {
        let store = try await leader()
        let count = 500
        for number in 1...count { _ = begin(store, Self.batch([row(UInt64(number))])) }
        let answers = await store.answers(promises.keepsRows ? count : 0)
        #expect(answers.map(\.batch) == kept(Array(0..<count)))
        for answer in answers { try answer.result.get() }
        await close(store, answers: count)
        #expect(try await loaded().tasks.map(\.id.number) == kept(Array(1...UInt64(count))))
    }

    func anEmptyBatchIsDurable() async throws {
        let store = try await leader()
        try await commit(store, StoreBatch())
        await close(store, answers: 1)
        #expect(try await loaded().tasks.isEmpty)
    }

    func whatIsHeldUpBecomesDurable() async throws {
        let store = try await leader()
        try await commit(store, Self.batch([row(1)]))
        try await stand.holdUp()
        for number in UInt64(2)...4 { _ = begin(store, Self.batch([row(number)])) }
        #expect(store.answerCount == (promises.keepsRows ? 1 : 0))
        try await stand.goOn()
        let answers = await store.answers(promises.keepsRows ? 3 : 0)
        #expect(answers.map(\.batch) == kept([1, 2, 3]))
        for answer in answers { try answer.result.get() }
        await close(store, answers: 4)
        #expect(try await loaded().tasks.map(\.id.number) == kept([1, 2, 3, 4]))
    }

    func closeWaitsForBatches() async throws {
        let store = try await leader()
        for number in UInt64(1)...20 { _ = begin(store, Self.batch([row(number)])) }
        await close(store, answers: 20)
        for answer in await store.answers(promises.keepsRows ? 20 : 0) { try answer.result.get() }
        #expect(try await loaded().tasks.count == kept(Array(1...20)).count)
    }

    func itGivesUpInTime() async throws {
        let store = try await leader()
        try await stand.holdUp()
        store.giveUp(inMilliseconds: 100)
        guard begin(store, Self.batch([row(1)])) else { return await close(store) }
        if promises.givesUp {
            let answer = try #require(await store.answers(1).first)
            guard case .failure(let error) = answer.result else {
                Issue.record("it is durable, and nothing can be")
                return
            }
            #expect(!error.isLeadLost)
        }
        try await stand.goOn()
        if !promises.givesUp { try #require(await store.answers(1).first).result.get() }
        await close(store, answers: 1)
    }
}
