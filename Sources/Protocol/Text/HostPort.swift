/// A host and a port, written as HOST:PORT, with brackets round an IPv6 address (RFC 3986, section 3.2.2).
package struct HostPort: Sendable, Hashable, CustomStringConvertible {
    /// Without brackets.
    package var host: String
    package var port: Int

    package init(_ host: String, _ port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads HOST:PORT; nil where the port is missing, or an IPv6 address has no brackets.
    package init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(String(host), port)
    }

    package var description: String { "\(Self.bracketed(host)):\(port)" }

    /// The host as it is written before a port: an IPv6 address in brackets.
    package static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}
