import PodlingProtocol

/// Parses a master's address into scheme, host, port and parameters. `MasterAddress` interprets them.
struct MasterURL {
    let scheme: ConnectionSettings.Scheme
    let host: String
    let port: Int?
    let parameters: ConnectionSettings

    /// - Throws: `MasterAddressError`, which names the fault.
    init(_ text: String) throws(MasterAddressError) {
        var rest: Substring
        (scheme, rest) = try Self.scheme(text)
        var parameters = ConnectionSettings()
        if let mark = rest.firstIndex(of: "?") {
            parameters = try Self.parameters(rest[rest.index(after: mark)...], of: text)
            rest = rest[..<mark]
        }
        self.parameters = parameters
        guard !rest.contains("@") else {
            throw MasterAddressError(text, "a user or password has no place in it; a token goes into --token-file")
        }
        if scheme != .none, rest.last == "/" { rest.removeLast() }
        let (host, portText) = try Self.split(rest, of: text)
        guard !host.isEmpty else { throw MasterAddressError(text, "no host before the port") }
        guard host.utf8.allSatisfy(Self.isHostByte) || host.contains(":") else {
            throw MasterAddressError(text, "the host holds a character that host names do not have")
        }
        self.host = host
        port = try Self.port(portText, of: text)
    }

    /// Redacts parameters and user names, since people put secrets there.
    static func withoutSecrets(_ text: String) -> String {
        text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            var shown = part.prefix { $0 != "?" }
            if let mark = shown.lastIndex(of: "@") {
                let start = shown.firstRange(of: "://")?.upperBound ?? shown.startIndex
                shown = shown[..<start] + "..." + shown[mark...]
            }
            return String(shown)
        }.joined(separator: ",")
    }

    private static func scheme(_ text: String) throws(MasterAddressError) -> (ConnectionSettings.Scheme, Substring) {
        guard let mark = text.utf8.firstIndex(of: UInt8(ascii: ":")), text[mark...].hasPrefix("://") else {
            guard !text.isEmpty else { throw MasterAddressError(text, "no host in it") }
            return (.none, text[...])
        }
        let name = text[..<mark].lowercased()
        let rest = text[mark...].dropFirst(3)
        guard !rest.isEmpty, rest != "/" else { throw MasterAddressError(text, "no host in it") }
        switch name {
        case "podling": return (.plaintext, rest)
        case "podlings": return (.tls, rest)
        default: throw MasterAddressError(text, "the scheme must be podling:// or podlings://, not \(name)://")
        }
    }

    private static func split(_ rest: Substring, of text: String) throws(MasterAddressError) -> (String, Substring) {
        if rest.first == "[" {
            guard let bracket = rest.firstIndex(of: "]") else { throw MasterAddressError(text, "the [ is not closed") }
            let host = String(rest[rest.index(after: rest.startIndex)..<bracket])
            guard !host.isEmpty, host.utf8.allSatisfy(isIPv6Byte) else {
                throw MasterAddressError(text, "no IPv6 address between the brackets")
            }
            return (host, rest[rest.index(after: bracket)...])
        }
        guard let colon = rest.firstIndex(of: ":") else { return (String(rest), "") }
        guard rest.lastIndex(of: ":") == colon else {
            throw MasterAddressError(
                text,
                "an IPv6 address goes in brackets: [\(rest)]:\(MasterAddress.portDefault)"
            )
        }
        return (String(rest[..<colon]), rest[colon...])
    }

    private static func port(_ text: Substring, of whole: String) throws(MasterAddressError) -> Int? {
        guard let colon = text.first else { return nil }
        guard colon == ":" else { throw MasterAddressError(whole, "only :PORT may follow the ]") }
        let digits = text.dropFirst()
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits),
            Limits.portNumbers.contains(port)
        else { throw MasterAddressError(whole, "the port must be a number from 1 to 65535") }
        return port
    }

    private static func parameters(
        _ query: Substring,
        of text: String
    ) throws(MasterAddressError) -> ConnectionSettings {
        var parameters = ConnectionSettings()
        for pair in query.split(separator: "&", omittingEmptySubsequences: false) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let title = String(parts[0])
            guard let name = ConnectionSettings.Name(rawValue: title) else {
                throw MasterAddressError(text, unknown(title))
            }
            guard parts.count == 2, let value = PercentCoding.decodedText(parts[1]), !value.isEmpty else {
                throw MasterAddressError(text, "\(title) has no value, or %XX in it that is no text")
            }
            guard parameters[name] == nil else { throw MasterAddressError(text, "\(title) is given twice") }
            parameters.set(name, url: value)
        }
        return parameters
    }

    private static func unknown(_ title: String) -> String {
        guard title != "token" else { return "a token has no place in it: give --token-file or PODLING_TOKEN" }
        let known = ConnectionSettings.Name.allCases.map(\.rawValue).joined(separator: ", ")
        // A parameter's title that is not a name may be a secret.
        let isName = !title.isEmpty && title.utf8.count <= 32 && title.utf8.allSatisfy(isHostByte)
        return (isName ? "there is no parameter '\(title)'" : "a parameter is malformed") + "; there are \(known)"
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
