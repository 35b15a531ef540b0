import PodlingAccess
import PodlingProtocol

/// A request that was denied to a peer, for the log. It holds no secret.
public struct Denial: Sendable, Equatable {
    /// The identity, as `reader alice`; nil if the peer is not authenticated.
    public var identity: String?
    /// HOST:PORT.
    public var peer: String
    public var operation: String
    public var code: ErrorCode
    public var reason: String

    init(_ session: Session, _ operation: String, _ error: WireError) {
        identity = session.identity?.description
        peer = session.peer
        self.operation = operation
        code = error.code
        reason = error.message
    }
}
