import PodlingProtocol

/// Error messages for peers that speak another protocol (proto-spec.md, section 2).
package enum WrongProtocol {
    private static let tlsHandshake: UInt8 = 0x16

    /// The remedy for TLS on a port without it.
    package static let cure = "give the master --tls-cert and --tls-key, or let the peer connect by podling://"

    package static func isTLS(first: UInt8) -> Bool { first == tlsHandshake }

    /// - Parameter first: the byte that a line begins with instead of `{`.
    package static func error(first: UInt8, isBehindTLS: Bool) -> WireError {
        let this = "this port speaks the Podling protocol, one JSON object a line\(isBehindTLS ? "" : " in plain text")"
        if isTLS(first: first) { return WireError(.wrongProtocol, "\(this); these bytes are TLS: \(cure)") }
        if first &- UInt8(ascii: "A") < 26 {
            return WireError(.wrongProtocol, "\(this); if this is HTTP, it is served on another port (--http-listen)")
        }
        return WireError(.wrongProtocol, "\(this); a line begins with {")
    }
}
