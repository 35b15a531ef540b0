import PodlingAccess
import PodlingProtocol

/// What a peer asked for and did not get, for the log. It holds no secret.
public struct Denial: Sendable, Equatable {
    /// `reader alice`; nil where it has not shown who it is.
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
