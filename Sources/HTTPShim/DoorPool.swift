import PodlingMaster
import PodlingProtocol

/// A few connections to the master that all HTTP requests share in turn, each opened when it is first needed.
///
/// Requests are pipelined. There are several connections so that a read need not wait behind every write that is
/// still becoming durable. What waits here is bounded by the count of HTTP connections, each with one request.
actor DoorPool {
    private static let helloLine = Array(
        #"{"op":"hello","proto":1,"role":"client","agent":"podling-http"}"#.utf8
    )

    private let exchange: DoorExchange
    private var sessions: [Task<any DoorSession, any Error>?]
    private var next = 0
    private var isClosed = false

    init(exchange: DoorExchange, sessionsMax: Int) {
        self.exchange = exchange
        sessions = Array(repeating: nil, count: max(1, sessionsMax))
    }

    func request(_ line: [UInt8]) async throws -> DoorReply {
        try DoorExchange.checkLength(line)
        guard !isClosed else { throw HTTPProblem.unavailable("going down") }
        let slot = next
        next = (next + 1) % sessions.count
        let opening = sessions[slot] ?? Task { [exchange] in try await exchange.open(helloLine: Self.helloLine) }
        sessions[slot] = opening
        do {
            return try await exchange.request(line, on: opening.value)
        } catch {
            // Whatever it died of, the next request in this slot opens a new one.
            if case .success(let session) = await opening.result { session.close() }
            if sessions[slot] == opening { sessions[slot] = nil }
            throw error
        }
    }

    func close() async {
        isClosed = true
        for case .some(let opening) in sessions {
            if case .success(let session) = await opening.result { session.close() }
        }
        sessions = sessions.map { _ in nil }
    }
}
