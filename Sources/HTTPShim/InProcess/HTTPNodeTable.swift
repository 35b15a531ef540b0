import PodlingMaster
import PodlingProtocol

/// The nodes registered over HTTP. Each has a connection of its own to the master, since to the master it is a worker
/// like any other; it lasts until the node has sent nothing for two leases.
actor HTTPNodeTable {
    private struct Entry {
        let session: any DoorSession
        /// The caller that may act for the node on it.
        let caller: HTTPCaller
        /// The worker's instance, as sent to the master; new for every connection.
        let instance: String
        /// Distinguishes the successive connections of a node.
        let number: Int
        let leaseMilliseconds: Int
        var lastSeen: ContinuousClock.Instant
    }

    /// Leases without a request from a node before its connection is closed.
    private static let leasesMax = 2

    private let exchange: DoorExchange
    private let nodesMax: Int
    private var entries: [String: Entry] = [:]
    private var opening: Set<String> = []
    private var lastNumber = 0
    private var isClosed = false

    init(exchange: DoorExchange, nodesMax: Int) {
        self.exchange = exchange
        self.nodesMax = nodesMax
    }

    /// Registers a node, on its existing connection or on a new one.
    func register(
        nodeId: String,
        line: [UInt8],
        by caller: HTTPCaller,
        from peer: DoorPeer
    ) async throws -> DoorReply {
        try DoorExchange.checkLength(line)
        let known = entries[nodeId]
        if known?.caller == caller, let reply = try await request(line, nodeId: nodeId, by: caller, from: peer) {
            return reply
        }
        guard !isClosed else { throw HTTPProblem.unavailable("going down") }
        guard !opening.contains(nodeId) else { throw HTTPProblem.conflict("this node is being registered") }
        guard entries[nodeId] != nil || entries.count + opening.count < nodesMax else {
            throw HTTPProblem.overloaded("\(nodesMax) nodes are registered over HTTP; use the line protocol for more")
        }
        opening.insert(nodeId)
        defer { opening.remove(nodeId) }
        // With another token it is the same node, on a new connection that is bound to that token.
        let instance = known?.instance ?? "http-" + Self.randomId()
        let helloLine = caller.helloLine(nodeId: nodeId, instance: instance)
        let session = try await exchange.open(helloLine: helloLine, for: peer)
        do {
            let reply = try await exchange.request(line, on: session)
            let leaseMilliseconds = try Self.leaseMilliseconds(reply)
            guard !isClosed else { throw HTTPProblem.unavailable("going down") }
            entries[nodeId]?.session.close()
            lastNumber += 1
            entries[nodeId] = Entry(
                session: session,
                caller: caller,
                instance: instance,
                number: lastNumber,
                leaseMilliseconds: leaseMilliseconds,
                lastSeen: .now
            )
            return reply
        } catch {
            session.close()
            throw error
        }
    }

    /// Sends a request on the node's own connection; nil where no such node is registered over HTTP.
    func request(
        _ line: [UInt8],
        nodeId: String,
        by caller: HTTPCaller,
        from peer: DoorPeer
    ) async throws -> DoorReply? {
        try DoorExchange.checkLength(line)
        try await check(caller, nodeId: nodeId, from: peer)
        guard let entry = entries[nodeId] else { return nil }
        entries[nodeId]?.lastSeen = .now
        do {
            return try await exchange.request(line, on: entry.session)
        } catch {
            entry.session.close()
            // The node may have registered again meanwhile, on another connection.
            if entries[nodeId]?.number == entry.number { entries[nodeId] = nil }
            // The master closed it before: the node has to register again.
            if error is DoorClosed { return nil }
            throw error
        }
    }

    /// A caller that does not act for the node already must prove that it may.
    private func check(_ caller: HTTPCaller, nodeId: String, from peer: DoorPeer) async throws {
        guard exchange.door.asksForIdentity, entries[nodeId]?.caller != caller else { return }
        let helloLine = caller.helloLine(nodeId: nodeId, instance: "http-" + Self.randomId())
        try await exchange.open(helloLine: helloLine, for: peer).close()
    }

    func speaks(_ caller: HTTPCaller, for nodeId: String) -> Bool { entries[nodeId]?.caller == caller }

    /// The node that the caller acts for, if it is one.
    func nodeId(of caller: HTTPCaller) -> String? {
        let own = entries.filter { $0.value.caller == caller }
        return own.count == 1 ? own.keys.first : nil
    }

    /// Closes the connections of nodes that have been silent for too long.
    func expire(now: ContinuousClock.Instant) {
        for (nodeId, entry) in entries {
            let silenceMax = Duration.milliseconds(entry.leaseMilliseconds * Self.leasesMax)
            guard now - entry.lastSeen > silenceMax else { continue }
            entry.session.close()
            entries[nodeId] = nil
        }
    }

    func close() {
        isClosed = true
        for entry in entries.values { entry.session.close() }
        entries = [:]
    }

    private static func leaseMilliseconds(_ reply: DoorReply) throws -> Int {
        let leaseMillisecondsMax = 86_400_000
        return try reply.ok { ok, _ in
            guard let lease = ok["lease_ms"]?.int(), lease > 0 else { throw HTTPProblem.badReply }
            return min(lease, leaseMillisecondsMax)
        }
    }

    static func randomId() -> String {
        String(UInt64.random(in: .min ... .max), radix: 36)
    }
}
