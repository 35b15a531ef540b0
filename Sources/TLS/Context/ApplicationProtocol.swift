/// What is spoken inside TLS (ALPN, RFC 7301).
public enum ApplicationProtocol: String, Sendable {
    /// A peer that does not name it speaks another protocol.
    case podling = "podling/1"
    /// A client may name no protocol: HTTP is older than ALPN.
    case http = "http/1.1"
    /// A server before PostgreSQL 17 knows of none.
    case postgres = "postgresql"

    var isDemanded: Bool { self == .podling }
}
