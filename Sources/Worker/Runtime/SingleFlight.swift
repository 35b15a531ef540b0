/// Lets concurrent callers with the same key share one run of the work.
///
/// A cancelled caller leaves; the work is cancelled when nobody waits for it any more.
actor SingleFlight<Key: Hashable & Sendable> {
    private struct Flight {
        var number: Int
        var task: Task<Void, Never>
        var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
    }

    private var flights: [Key: Flight] = [:]
    private var lastNumber = 0

    func run(_ key: Key, _ work: @escaping @Sendable () async throws -> Void) async throws {
        lastNumber += 1
        let waiter = lastNumber
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                // The cancellation handler may have run before, and found nothing to remove.
                guard !Task.isCancelled else {
                    continuation.resume(throwing: CancellationError())
                    return
                }
                if flights[key] == nil { flights[key] = launch(key, number: waiter, work) }
                flights[key]?.waiters[waiter] = continuation
            }
        } onCancel: {
            Task { await self.leave(key, waiter) }
        }
    }

    private func launch(_ key: Key, number: Int, _ work: @escaping @Sendable () async throws -> Void) -> Flight {
        let task = Task {
            let result: Result<Void, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            self.land(key, number, result)
        }
        return Flight(number: number, task: task)
    }

    private func land(_ key: Key, _ number: Int, _ result: Result<Void, any Error>) {
        guard let flight = flights[key], flight.number == number else { return }
        flights[key] = nil
        for waiter in flight.waiters.values { waiter.resume(with: result) }
    }

    private func leave(_ key: Key, _ waiter: Int) {
        guard let continuation = flights[key]?.waiters.removeValue(forKey: waiter) else { return }
        continuation.resume(throwing: CancellationError())
        if let flight = flights[key], flight.waiters.isEmpty {
            flight.task.cancel()
            flights[key] = nil
        }
    }
}
