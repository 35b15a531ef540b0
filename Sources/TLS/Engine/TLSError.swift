/// A TLS error, of a connection or of its configuration; holds no secret.
public struct TLSError: Error, Hashable, CustomStringConvertible, Sendable {
    public enum Kind: Sendable, Hashable {
        /// A file or a setting of this side is invalid.
        case configuration
        /// This side rejects the peer's certificate, or the peer showed none.
        case verification
        /// The peer ended the connection with an alert.
        case alert(TLSAlert)
        /// The peer speaks no TLS; the first byte it sent.
        case notTLS(UInt8)
        /// No common TLS version, or another protocol inside it.
        case handshake
        /// The peer did not finish the handshake in time.
        case timeout
        /// The connection ended without close_notify: data may be missing.
        case truncated
        /// The bytes are not TLS, or were changed in transit.
        case corrupt
    }

    /// The fault of the peer's certificate.
    public enum Flaw: Sendable, Hashable {
        /// No trusted CA has signed it, or not for this use.
        case chain
        /// It was issued for another name.
        case name
        case dates
        /// It was revoked, or there is no current list.
        case revocation
    }

    public let kind: Kind
    /// Only with `verification`; nil where no certificate came.
    public let flaw: Flaw?
    /// What is wrong, on one line.
    public let message: String
    /// The remedy, as a sentence; nil where nothing better than the message is known.
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

    /// Whether a retry may succeed without anyone changing anything.
    public var isRetryable: Bool { kind == .truncated || kind == .corrupt || kind == .timeout }

    public var description: String { cure.map { "\(message). \($0)" } ?? message }
}
