import PodlingTLS

/// Why a `LineConnection` could not be made, or is over.
public enum LineConnectionError: Error, Hashable, CustomStringConvertible {
    /// Nobody answered, or the network refused; the text is for people.
    case connectFailed(MasterAddress, String)
    /// There is no TLS to be had there, or it ended so; the text says what to do.
    case tls(TLSError)
    /// A token would have gone out in plaintext to another machine; nothing was sent.
    case plaintextToken(MasterAddress)
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

    /// Whether it will be so until somebody changes something.
    public var isLasting: Bool {
        switch self {
        case .tls(let error): !error.isRetryable
        case .plaintextToken: true
        default: false
        }
    }

    /// With the address, where the words alone do not name it.
    public func describes(_ address: MasterAddress) -> String {
        switch self {
        case .tls, .failed: "\(address): \(description)"
        default: description
        }
    }

    public var description: String {
        switch self {
        case .connectFailed(let address, let why): "cannot connect to \(address): \(why)"
        case .tls(let error): "\(error)"
        case .plaintextToken(let address):
            "no token is sent to \(address): the connection there is not encrypted, and not on this machine. Use "
                + "podlings://\(address) if the master has TLS, or reach it by a tunnel"
        case .closedLocally: "the connection was closed here"
        case .closedByPeer: "the other side closed the connection"
        case .failed(let why): "the connection failed: \(why)"
        case .lineTooLong(let bytesMax): "the other side sent a line of more than \(bytesMax) bytes"
        case .sendOverflow(let bytesMax): "the other side left more than \(bytesMax) bytes unread"
        }
    }
}
