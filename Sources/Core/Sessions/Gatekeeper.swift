import PodlingAccess
import PodlingProtocol

/// A `hello` whose token was refused, until its delayed reply is sent.
struct Refusal {
    var session: SessionID
    /// The `id` as it was sent.
    var id: [UInt8]?
    /// Monotonic milliseconds.
    var answerAt: Int64
}

/// Authentication by tokens: the valid tokens, and the delays of hosts that presented invalid ones.
struct Gatekeeper {
    /// The most delayed refusals; beyond it they are answered at once.
    private static let refusalsMax = 1_024

    private var tokens: TokenTable
    private var failures = FailureTable()
    private var refusals: [Refusal] = []

    init(tokens: TokenTable) { self.tokens = tokens }

    func identity(of token: TokenDigest) -> Identity? { tokens.identity(of: token) }

    mutating func replaceTokens(with new: TokenTable) { tokens = new }

    /// Records the failure of a token.
    /// - Returns: monotonic milliseconds at which the reply is due; nil for at once.
    mutating func delay(ofFailureFrom peer: String, now: Int64) -> Int64? {
        let wait = failures.failed(Self.host(peer), now: now)
        return wait > 0 && refusals.count < Self.refusalsMax ? now + wait : nil
    }

    mutating func append(_ refusal: Refusal) { refusals.append(refusal) }

    /// Removes and returns the refusals that are due.
    mutating func takeDue(now: Int64) -> [Refusal] {
        guard !refusals.isEmpty else { return [] }
        let due = refusals.filter { $0.answerAt <= now }
        refusals.removeAll { $0.answerAt <= now }
        return due
    }

    /// The host of `HOST:PORT`, `[HOST]:PORT` or `http HOST:PORT`.
    private static func host(_ peer: String) -> String {
        guard let colon = peer.lastIndex(of: ":") else { return peer }
        return String(peer[..<colon])
    }
}
