/// The stable error codes of the protocol (proto-spec.md, section 8).
public enum ErrorCode: String, Sendable, CaseIterable {
    case badJSON = "bad_json"
    case badRequest = "bad_request"
    case unknownOp = "unknown_op"
    case helloRequired = "hello_required"
    case unregistered
    case unsupportedVersion = "unsupported_version"
    case wrongProtocol = "wrong_protocol"
    case tlsRequired = "tls_required"
    case lineTooLong = "line_too_long"
    case unauthenticated
    case forbidden
    case timeout
    case notFound = "not_found"
    case conflict
    case staleAttempt = "stale_attempt"
    case cursorExpired = "cursor_expired"
    case overloaded
    case slowConsumer = "slow_consumer"
    case draining
    case unavailable
    case notLeader = "not_leader"
    case storeRefused = "store_refused"
    case `internal`

    /// Whether the same request may succeed later.
    public var isRetryable: Bool {
        switch self {
        case .unregistered, .timeout, .overloaded, .slowConsumer, .draining, .unavailable, .notLeader,
            .internal:
            true
        case .badJSON, .badRequest, .unknownOp, .helloRequired, .unsupportedVersion, .wrongProtocol, .tlsRequired,
            .lineTooLong, .unauthenticated, .forbidden, .notFound, .conflict, .staleAttempt, .cursorExpired,
            .storeRefused:
            false
        }
    }

    /// Whether the connection is closed after it.
    public var isFatal: Bool {
        switch self {
        case .unsupportedVersion, .wrongProtocol, .tlsRequired, .lineTooLong, .timeout, .slowConsumer: true
        case .badJSON, .badRequest, .unknownOp, .helloRequired, .unregistered, .unauthenticated, .forbidden, .notFound,
            .conflict, .staleAttempt, .cursorExpired, .overloaded, .draining, .unavailable, .notLeader, .storeRefused,
            .internal:
            false
        }
    }
}
