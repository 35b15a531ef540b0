import PodlingCore

/// A store that keeps nothing beyond the core's own state: a batch counts as durable at once, and a restart loses
/// everything.
///
/// How long terminal tasks are held, by age and by number, is the core's configuration.
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
