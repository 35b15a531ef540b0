import PodlingCore

/// Keeps nothing beyond what the core holds: a batch is as durable as it gets at once, and a restart forgets all.
///
/// How long ended tasks are held, by age and by number, is the core's configuration.
public struct MemoryStore: Store {
    public let leadership = AsyncStream { continuation in
        continuation.yield(StoreLeadership.leading)
        continuation.finish()
    }

    public init() {}

    public var name: String { "memory" }

    public var keepsRows: Bool { false }

    public func advertise(_ address: String) {}

    public func commit(
        _ batch: StoreBatch,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) -> StoreAnswer {
        .durable
    }

    public func load(_ take: @escaping @Sendable (StoreBatch) async throws -> Void) async throws {}

    public func close() async {}
}
