import PodlingCore
import PodlingStore
import Synchronization

/// A store of `PodlingStore`'s protocol in a test.
package final class RealStore: StoreInTest, Sendable {
    private struct Log {
        var handed = 0
        var answered = 0
        var refused: [Int: [RefusedRow]] = [:]
    }

    private let store: any Store
    private let log = Mutex(Log())
    private let answers: AsyncStream<CommitAnswer>
    private let answered: AsyncStream<CommitAnswer>.Continuation

    package init(_ store: any Store) {
        self.store = store
        (answers, answered) = AsyncStream.makeStream()
    }

    package var keepsRows: Bool { store.keepsRows }

    package func news() async -> StoreLeadership? {
        for await news in store.leadership { return news }
        return nil
    }

    package func commit(_ batch: StoreBatch) -> StoreAnswer {
        let number = log.withLock { log in
            defer { log.handed += 1 }
            return log.handed
        }
        let answer = store.commit(
            batch,
            refused: { rows in self.log.withLock { $0.refused[number, default: []] += rows } },
            done: { result in
                let refused = self.log.withLock { log in
                    log.answered += 1
                    return log.refused[number] ?? []
                }
                self.answered.yield(CommitAnswer(batch: number, result: result, refused: refused))
            }
        )
        if answer == .durable { log.withLock { $0.handed -= 1 } }
        return answer
    }

    package func answers(_ count: Int) async -> [CommitAnswer] {
        var found: [CommitAnswer] = []
        guard count > 0 else { return found }
        for await answer in answers {
            found.append(answer)
            if found.count == count { break }
        }
        return found
    }

    package var answerCount: Int { log.withLock { $0.answered } }

    package func load() async throws -> [StoreBatch] {
        let pieces = Pieces()
        try await store.load { await pieces.add($0) }
        return await pieces.all
    }

    private actor Pieces {
        var all: [StoreBatch] = []
        func add(_ piece: StoreBatch) { all.append(piece) }
    }

    package func read(_ query: StoreQuery) async -> Result<StorePage, StoreError> {
        await withCheckedContinuation { done in store.read(query) { done.resume(returning: $0) } }
    }

    package func giveUp(inMilliseconds milliseconds: Int) { store.giveUp(inMilliseconds: milliseconds) }

    package func close() async {
        await store.close()
        answered.finish()
    }
}
