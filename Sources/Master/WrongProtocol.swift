import PodlingProtocol

/// What to say to a peer that does not speak this protocol (proto-spec.md, section 2).
enum WrongProtocol {
    private static let tlsHandshake: UInt8 = 0x16

    static func error(first: UInt8) -> WireError {
        let this = "this port speaks the Podling protocol, one JSON object a line in plain text"
        if first == tlsHandshake { return WireError(.wrongProtocol, "\(this); these bytes are TLS") }
        if first &- UInt8(ascii: "A") < 26 {
            return WireError(.wrongProtocol, "\(this); if this is HTTP, it is served on another port (--http-listen)")
        }
        return WireError(.wrongProtocol, "\(this); a line begins with {")
    }
}
