/// The name of the server that a client means to reach: the host of its URL.
package struct PeerName: Sendable, Equatable, CustomStringConvertible {
    enum Kind: Equatable {
        case host
        case address
    }

    /// The limit of RFC 1035, section 2.3.4.
    static let bytesMax = 253

    /// A host name without a trailing dot, or an address without brackets and zone.
    let text: String
    let kind: Kind

    /// - Parameter host: a host name, or an address, which may have brackets and a zone (`[fe80::1%eth0]`).
    /// - Throws: `TLSError` for anything else.
    package init(_ host: String) throws(TLSError) {
        var bare = Substring(host)
        if bare.hasPrefix("["), bare.hasSuffix("]") { bare = bare.dropFirst().dropLast() }
        if let address = IPAddress(String(bare.prefix { $0 != "%" })) {
            self.init(address.text, .address)
            return
        }
        if bare.hasSuffix(".") { bare = bare.dropLast() }
        let isName = bare.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
        }
        guard isName, !bare.isEmpty, !bare.hasPrefix("."), bare.utf8.count <= Self.bytesMax else {
            throw .configuration(
                "host: this is neither a host name nor an address, so no certificate can be for it",
                cure: "Give a name of letters, digits, '-', '_' and '.', of at most \(Self.bytesMax) bytes."
            )
        }
        self.init(String(bare), .host)
    }

    /// Whether a text is an IPv4 or IPv6 address, without brackets; it may have a zone.
    package static func isAddress(_ text: String) -> Bool { IPAddress(String(text.prefix { $0 != "%" })) != nil }

    private init(_ text: String, _ kind: Kind) {
        self.text = text
        self.kind = kind
    }

    package var description: String { text }

    /// The name's form in a subjectAltName.
    var asSubjectAltName: String { kind == .host ? "DNS:\(text)" : "IP:\(text)" }
}
