/// Where a master listens: `HOST`, `HOST:PORT`, `[::1]:7070` or `podling://HOST:PORT`.
public struct MasterAddress: Sendable, Hashable, CustomStringConvertible {
    /// The port a master listens on unless told otherwise (proto-spec section 2).
    public static let portDefault = 7070
    /// Addresses in one comma-separated list.
    public static let listCountMax = 16

    /// A host name or an IP address, without the brackets of an IPv6 literal.
    public let host: String
    public let port: Int

    public init(host: String, port: Int = portDefault) {
        self.host = host
        self.port = port
    }

    /// - Throws: `MasterAddressError`, which names the fault.
    public init(parsing text: String) throws(MasterAddressError) {
        let rest = try Self.withoutScheme(text)
        guard !rest.isEmpty else { throw MasterAddressError(text, "no host in it") }
        if rest.first == "[" {
            guard let bracket = rest.firstIndex(of: "]") else { throw MasterAddressError(text, "the [ is not closed") }
            let host = String(rest[rest.index(after: rest.startIndex)..<bracket])
            guard !host.isEmpty, host.utf8.allSatisfy(Self.isIPv6Byte) else {
                throw MasterAddressError(text, "no IPv6 address between the brackets")
            }
            try self.init(host: host, portText: rest[rest.index(after: bracket)...], of: text)
            return
        }
        guard let colon = rest.firstIndex(of: ":") else {
            try self.init(host: String(rest), portText: "", of: text)
            return
        }
        guard rest.lastIndex(of: ":") == colon else {
            throw MasterAddressError(text, "an IPv6 address goes in brackets: [\(rest)]:\(Self.portDefault)")
        }
        try self.init(host: String(rest[..<colon]), portText: rest[colon...], of: text)
    }

    /// Parses a comma-separated list of one or more addresses; the order is kept, duplicates are dropped.
    public static func list(parsing text: String) throws(MasterAddressError) -> [MasterAddress] {
        var addresses: [MasterAddress] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let trimmed = part.drop(while: \.isWhitespace)
            guard let last = trimmed.lastIndex(where: { !$0.isWhitespace }) else {
                throw MasterAddressError(text, "an address in the list is empty")
            }
            let address = try MasterAddress(parsing: String(trimmed[...last]))
            if !addresses.contains(address) { addresses.append(address) }
        }
        guard addresses.count <= listCountMax else {
            throw MasterAddressError(text, "more than \(listCountMax) addresses")
        }
        return addresses
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private init(host: String, portText: Substring, of text: String) throws(MasterAddressError) {
        guard !host.isEmpty else { throw MasterAddressError(text, "no host before the port") }
        guard host.utf8.allSatisfy(Self.isHostByte) || host.contains(":") else {
            throw MasterAddressError(text, "the host holds a character that host names do not have")
        }
        guard !portText.isEmpty else {
            self.init(host: host)
            return
        }
        let digits = portText.dropFirst()
        guard portText.first == ":" else { throw MasterAddressError(text, "only :PORT may follow the ]") }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits),
            (1...65535).contains(port)
        else { throw MasterAddressError(text, "the port must be a number from 1 to 65535") }
        self.init(host: host, port: port)
    }

    private static func withoutScheme(_ text: String) throws(MasterAddressError) -> Substring {
        guard let mark = text.utf8.firstIndex(of: UInt8(ascii: ":")), text[mark...].hasPrefix("://") else {
            return text[...]
        }
        let scheme = text[..<mark].lowercased()
        switch scheme {
        case "podling": break
        case "podlings": throw MasterAddressError(text, "TLS is not available in this version; use podling://")
        default: throw MasterAddressError(text, "the scheme must be podling://, not \(scheme)://")
        }
        var rest = text[mark...].dropFirst(3)
        if rest.last == "/" { rest.removeLast() }
        return rest
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isIPv6Byte(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ":") || byte == UInt8(ascii: "%") || isHostByte(byte)
    }
}

/// Why a text is no master address.
public struct MasterAddressError: Error, Hashable, CustomStringConvertible {
    public let text: String
    public let fault: String

    init(_ text: String, _ fault: String) {
        self.text = text
        self.fault = fault
    }

    public var description: String { "bad master address '\(text)': \(fault)" }
}
