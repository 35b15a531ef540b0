/// The application protocol inside TLS (ALPN, RFC 7301).
package enum ApplicationProtocol: String, Sendable {
    /// A peer must name it: one that does not speaks another protocol.
    case podling = "podling/1"
    /// A client may name none: HTTP is older than ALPN.
    case http = "http/1.1"
    /// A server before PostgreSQL 17 supports no ALPN.
    case postgres = "postgresql"

    var isDemanded: Bool { self == .podling }
}
