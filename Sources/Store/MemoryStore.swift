import PodlingCore

/// A store that keeps nothing beyond the core's own state: a batch counts as durable at once, and a restart loses
/// everything.
///
/// How long terminal tasks are held, by age and by number, is the core's configuration.
package struct MemoryStore: Store {
    package let leadership = AsyncStream { continuation in
        continuation.yield(StoreLeadership.leading)
        continuation.finish()
    }

    package init() {}

    package var name: String { "memory" }

    package var keepsRows: Bool { false }

    package func advertise(_ address: String) {}

    package func commit(
        _ batch: StoreBatch,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) -> StoreAnswer {
        .durable
    }

    package func load(_ take: @escaping @Sendable (StoreBatch) async throws -> Void) async throws {}

    package func close() async {}
}
