/// Why a `LineConnection` could not be made, or is over.
public enum LineConnectionError: Error, Hashable, CustomStringConvertible {
    /// Nobody answered, or the network refused; the text is for people.
    case connectFailed(MasterAddress, String)
    /// `close()` was called, or the reader of `inbound` went away.
    case closedLocally
    /// The peer ended the connection; a partial last line was discarded.
    case closedByPeer
    /// The network failed; the text is for people.
    case failed(String)
    /// The peer sent a line longer than this many bytes.
    case lineTooLong(bytesMax: Int)
    /// More than this many bytes were handed to `send` and not yet taken by the peer.
    case sendOverflow(bytesMax: Int)

    public var description: String {
        switch self {
        case .connectFailed(let address, let why): "cannot connect to \(address): \(why)"
        case .closedLocally: "the connection was closed here"
        case .closedByPeer: "the other side closed the connection"
        case .failed(let why): "the connection failed: \(why)"
        case .lineTooLong(let bytesMax): "the other side sent a line of more than \(bytesMax) bytes"
        case .sendOverflow(let bytesMax): "the other side left more than \(bytesMax) bytes unread"
        }
    }
}
