import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

/// Transitions of tasks, of which each run loads the last 100.
extension StoreBench {
    static var eventsMax: Int { StoreCheck.eventsMax }

    private func event(_ number: Int) -> TaskEventRow {
        TaskEventRow(
            number: number,
            taskID: TaskID(number: UInt64(number)).text,
            attempt: number % 3,
            nodeID: number % 2 == 0 ? nil : "node \"\(number)\"",
            at: now + Int64(number),
            from: number % 2 == 0 ? nil : .running,
            to: number % 2 == 0 ? .pending : .failed,
            reason: number % 2 == 0 ? .none : .nodeLost,
            actor: "client [::1]:\(number)"
        )
    }

    private static func batch(_ events: [TaskEventRow], run: String? = nil) -> StoreBatch {
        var batch = StoreBatch()
        (batch.events, batch.newRun) = (events, run)
        return batch
    }

    /// One run: what it loads, before what it commits.
    private func run(_ batches: [StoreBatch] = []) async throws -> Loaded {
        let store = try await leader()
        let loaded = Loaded(try await store.load())
        for batch in batches { try await commit(store, batch) }
        await close(store, answers: batches.count)
        return loaded
    }

    func transitionsAreLoadedInTheirOrder() async throws {
        let events = (1...250).map { event($0) }
        let batches = [Self.batch([], run: "e1"), Self.batch(Array(events[..<200])), Self.batch(Array(events[200...]))]
        let first = try await run(batches)
        let second = try await run([Self.batch([], run: "e2")])
        let third = try await run()
        guard promises.keepsEvents else {
            for loaded in [first, second, third] { #expect(loaded.events.isEmpty && loaded.trail == nil) }
            return
        }
        #expect(first.events.isEmpty && first.trail == EventTrail(runs: [], lastNumber: 0))
        #expect(second.events == Array(events[(250 - Self.eventsMax)...]))
        #expect(second.trail == EventTrail(runs: ["e1"], lastNumber: 250))
        #expect(Set(third.trail?.runs ?? []) == ["e1", "e2"])
        #expect(third.trail?.lastNumber == 250)
    }

    /// A batch whose outcome is unknown is written again.
    func aTransitionIsKeptOnce() async throws {
        let batch = Self.batch([event(1)], run: "e1")
        _ = try await run([batch, batch])
        #expect(try await run().events == (promises.keepsEvents ? [event(1)] : []))
    }
}
