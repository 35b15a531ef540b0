import PodlingAccess
import PodlingProtocol

/// A request, or a connection, that was refused because the peer has no permission for it, for the log. It holds no
/// secret.
package struct Denial: Sendable, Equatable {
    /// The identity, as `reader alice`; nil if the peer is not authenticated.
    package var identity: String?
    /// HOST:PORT.
    package var peer: String
    package var operation: String
    package var code: ErrorCode
    package var reason: String

    init(_ session: Session, _ operation: String, _ error: WireError) {
        identity = session.identity?.description
        peer = session.peer
        self.operation = operation
        code = error.code
        reason = error.message
    }
}
