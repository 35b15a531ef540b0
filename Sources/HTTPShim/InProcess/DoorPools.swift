import PodlingMaster

/// The connection pools of authenticated callers; the least recently used is evicted first.
actor DoorPools {
    private struct Entry {
        let pool: DoorPool
        var lastUse: Int
    }

    /// Callers with pools at a time.
    private static let callersMax = 64

    /// The pool of unauthenticated callers: of all, where no authentication is required.
    nonisolated let shared: DoorPool
    private let exchange: DoorExchange
    private let sessionsMax: Int
    private var entries: [HTTPCaller: Entry] = [:]
    private var uses = 0
    private var isClosed = false

    init(exchange: DoorExchange, sessionsMax: Int) {
        self.exchange = exchange
        self.sessionsMax = sessionsMax
        shared = DoorPool(exchange: exchange, sessionsMax: sessionsMax)
    }

    /// The caller's pool. A new caller's token is verified before it takes the place of another.
    func pool(of caller: HTTPCaller, from peer: DoorPeer) async throws -> DoorPool {
        guard caller != .nobody else { return shared }
        if let pool = known(caller) { return pool }
        let first = try await exchange.open(helloLine: caller.helloLine, for: peer)
        if let pool = known(caller) {
            first.close()
            return pool
        }
        guard !isClosed else {
            first.close()
            throw HTTPProblem.unavailable("going down")
        }
        var retired: DoorPool?
        if entries.count >= Self.callersMax, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            retired = entries.removeValue(forKey: oldest.key)?.pool
        }
        let pool = DoorPool(exchange: exchange, sessionsMax: sessionsMax, caller: caller, peer: peer, first: first)
        entries[caller] = Entry(pool: pool, lastUse: uses)
        // Only now: during this await, another request of this caller finds the pool, and `close` closes it.
        await retired?.retire()
        return pool
    }

    private func known(_ caller: HTTPCaller) -> DoorPool? {
        uses += 1
        entries[caller]?.lastUse = uses
        return entries[caller]?.pool
    }

    /// Drops the pool of a caller whose session the master has ended.
    func forget(_ caller: HTTPCaller) async {
        guard let entry = entries.removeValue(forKey: caller) else { return }
        await entry.pool.retire()
    }

    func close() async {
        isClosed = true
        let open = entries.values.map(\.pool)
        entries = [:]
        await shared.close()
        for pool in open { await pool.close() }
    }
}
