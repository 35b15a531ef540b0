internal import PodlingTLS

/// The reason why a `LineConnection` could not be made, or has ended.
public enum LineConnectionError: Error, Hashable, CustomStringConvertible {
    /// Nobody answered, or the network refused; with a human-readable text.
    case connectFailed(MasterAddress, String)
    /// The TLS handshake failed, or the connection ended with a TLS error; the text has the remedy. `isRetryable`: it
    /// may succeed when repeated.
    case tls(String, isRetryable: Bool)
    /// A token would have been sent in plaintext to another machine; nothing was sent.
    case plaintextToken(MasterAddress)
    /// `close()` was called, or the reader of `inbound` went away.
    case closedLocally
    /// The peer ended the connection; a partial last line was discarded.
    case closedByPeer
    /// The network failed; with a human-readable text.
    case failed(String)
    /// The peer sent a line longer than this many bytes.
    case lineTooLong(bytesMax: Int)
    /// More than this many bytes were queued by `send` and not yet taken by the peer.
    case sendOverflow(bytesMax: Int)

    init(_ error: TLSError) { self = .tls(error.description, isRetryable: error.isRetryable) }

    /// Whether the error is permanent: a retry fails until somebody changes something.
    public var isLasting: Bool {
        switch self {
        case .tls(_, let isRetryable): !isRetryable
        case .plaintextToken: true
        default: false
        }
    }

    /// Adds the address, where the description alone does not name it.
    package func describes(_ address: MasterAddress) -> String {
        switch self {
        case .tls, .failed: "\(address): \(description)"
        default: description
        }
    }

    /// A human-readable reason, with the remedy where one is known.
    public var description: String {
        switch self {
        case .connectFailed(let address, let why): "cannot connect to \(address): \(why)"
        case .tls(let why, _): why
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
