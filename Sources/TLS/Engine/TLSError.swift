/// Why there is no TLS connection, or no longer one; holds no secret.
public struct TLSError: Error, Hashable, CustomStringConvertible, Sendable {
    public enum Kind: Sendable, Hashable {
        /// A file or a setting of this side.
        case configuration
        /// This side does not accept the peer's certificate, or misses it.
        case verification
        /// The peer ended the connection, and said why.
        case alert(TLSAlert)
        /// The peer speaks no TLS; the first byte it sent.
        case notTLS(UInt8)
        /// The peer speaks no TLS that this side speaks, or another protocol inside it.
        case handshake
        /// The peer did not finish the handshake in time.
        case timeout
        /// The connection ended without the peer's word that this is the end: what came may not be all.
        case truncated
        /// Bytes that are no TLS, or were changed on their way.
        case corrupt
    }

    /// What of the peer's certificate is not accepted.
    public enum Flaw: Sendable, Hashable {
        /// No trusted CA vouches for it, or not for this use.
        case chain
        /// It is for another name.
        case name
        case dates
        /// It was revoked, or there is no list that says.
        case revocation
    }

    public let kind: Kind
    /// Only with `verification`; nil where no certificate came.
    public let flaw: Flaw?
    /// What is wrong, on one line.
    public let message: String
    /// What to do about it, as a sentence; nil where nothing better than the message is known.
    public let cure: String?

    init(_ kind: Kind, _ message: String, cure: String? = nil, flaw: Flaw? = nil) {
        self.kind = kind
        self.flaw = flaw
        self.message = message
        self.cure = cure
    }

    static func configuration(_ message: String, cure: String? = nil) -> TLSError {
        TLSError(.configuration, message, cure: cure)
    }

    /// Whether the same may succeed later without anyone changing a thing.
    public var isRetryable: Bool { kind == .truncated || kind == .corrupt || kind == .timeout }

    public var description: String { cure.map { "\(message). \($0)" } ?? message }
}
