import PodlingMaster
import PodlingProtocol

/// A pool of connections to the master that all HTTP requests of one caller share in turn, each opened on first use.
///
/// Requests are pipelined. There are several connections so that a read need not wait behind every write that is still
/// becoming durable. The queue is bounded by the count of HTTP connections, each with one request.
actor DoorPool {
    private let exchange: DoorExchange
    private let caller: HTTPCaller
    private let peer: DoorPeer
    private var sessions: [Task<any DoorSession, any Error>?]
    private var next = 0
    private var pending = 0
    private var isClosed = false

    /// - Parameter first: a connection that is already open.
    init(
        exchange: DoorExchange,
        sessionsMax: Int,
        caller: HTTPCaller = .nobody,
        peer: DoorPeer = DoorPeer(),
        first: (any DoorSession)? = nil
    ) {
        self.exchange = exchange
        self.caller = caller
        self.peer = peer
        sessions = Array(repeating: nil, count: max(1, sessionsMax))
        if let first { sessions[0] = Task { first } }
    }

    func request(_ line: [UInt8]) async throws -> DoorReply {
        try DoorExchange.checkLength(line)
        pending += 1
        defer {
            pending -= 1
            if isClosed, pending == 0 { closeSessions() }
        }
        let slot = next
        next = (next + 1) % sessions.count
        do {
            return try await request(line, slot)
        } catch is DoorClosed {
            // The master closed that connection before, as when its token was revoked.
            do {
                return try await request(line, slot)
            } catch is DoorClosed {
                throw HTTPProblem.unavailable("the master takes no connection now")
            }
        }
    }

    private func request(_ line: [UInt8], _ slot: Int) async throws -> DoorReply {
        guard !isClosed else { throw HTTPProblem.unavailable("going down") }
        let opening = sessions[slot] ?? open()
        sessions[slot] = opening
        do {
            return try await exchange.request(line, on: opening.value)
        } catch {
            // Whatever the failure, the next request in this slot opens a new connection.
            if case .success(let session) = await opening.result { session.close() }
            if sessions[slot] == opening { sessions[slot] = nil }
            throw error
        }
    }

    private func open() -> Task<any DoorSession, any Error> {
        Task { [exchange, caller, peer] in
            try await exchange.open(helloLine: caller.helloLine, for: peer, isForNobody: caller == .nobody)
        }
    }

    /// Accepts no more requests, and closes its connections once the pending ones are answered.
    func retire() {
        isClosed = true
        if pending == 0 { closeSessions() }
    }

    private func closeSessions() {
        for case .some(let opening) in sessions {
            Task { if case .success(let session) = await opening.result { session.close() } }
        }
        sessions = sessions.map { _ in nil }
    }

    func close() async {
        isClosed = true
        for case .some(let opening) in sessions {
            if case .success(let session) = await opening.result { session.close() }
        }
        sessions = sessions.map { _ in nil }
    }
}
