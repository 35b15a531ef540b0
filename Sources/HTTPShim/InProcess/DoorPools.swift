import PodlingMaster

/// The connections of each caller that the master has let in; those of the one that was silent longest go first.
actor DoorPools {
    private struct Entry {
        let pool: DoorPool
        var lastUse: Int
    }

    /// Callers that have connections at a time.
    private static let callersMax = 64

    /// Of those who have shown nothing: all, where nobody is asked.
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

    /// The caller's pool. A new caller's token is tried before it takes the place of another.
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
        // Only now: while it is awaited, another request of this caller finds the pool, and `close` closes it.
        await retired?.retire()
        return pool
    }

    private func known(_ caller: HTTPCaller) -> DoorPool? {
        uses += 1
        entries[caller]?.lastUse = uses
        return entries[caller]?.pool
    }

    /// The master no longer knows this caller.
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
