/// The stable error codes of the protocol (proto-spec.md, section 8).
public enum ErrorCode: String, Sendable, CaseIterable {
    /// The line is not I-JSON, or not an object.
    case badJSON = "bad_json"
    /// A member is missing, unknown or wrong; the error names it.
    case badRequest = "bad_request"
    /// There is no such operation.
    case unknownOp = "unknown_op"
    /// A worker's operation came before `hello` as a worker.
    case helloRequired = "hello_required"
    /// A worker's operation came before `register`, or after the lease ended.
    case unregistered
    /// `hello` has a version out of range.
    case unsupportedVersion = "unsupported_version"
    /// These bytes are not this protocol.
    case wrongProtocol = "wrong_protocol"
    /// This port speaks TLS, and these bytes do not (proto-spec section 2.1).
    case tlsRequired = "tls_required"
    /// A line is over its limit (proto-spec section 9).
    case lineTooLong = "line_too_long"
    /// This peer has not identified itself, or its token is not accepted.
    case unauthenticated
    /// The identity of this peer does not permit that (proto-spec section 10.1).
    case forbidden
    /// Nothing, or only part of a line, came in time.
    case timeout
    /// There is no such task or node.
    case notFound = "not_found"
    /// The idempotency key or the node id is in other use.
    case conflict
    /// The report is of an attempt that is no longer this node's.
    case staleAttempt = "stale_attempt"
    /// What follows the cursor is not kept: begin again without one.
    case cursorExpired = "cursor_expired"
    /// A bound is reached; the error may say when to try again.
    case overloaded
    /// The peer has left too much unread.
    case slowConsumer = "slow_consumer"
    /// The master is shutting down.
    case draining
    /// Something that this needs, such as the store, is away now.
    case unavailable
    /// This master is a standby; the error may name the leader.
    case notLeader = "not_leader"
    /// The database rejects what this would write (proto-spec section 8.1).
    case storeRefused = "store_refused"
    /// A fault of the master.
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
