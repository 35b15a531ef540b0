import PodlingProtocol
internal import PodlingTLS

/// The parts of a libpq connection string that concern connecting and TLS (PostgreSQL manual, 34.1). All others are
/// ignored; user and password are not stored.
struct DatabaseURL {
    struct Host: Equatable {
        /// A name, or an address without brackets; one that begins with `/` is a directory with a Unix socket.
        var name: String
        var address: String?
        var port: Int
    }

    static let portDefault = 5_432
    static let hostsMax = 16

    private(set) var hosts: [Host] = []
    private(set) var parameters: [String: String] = [:]

    /// - Parameters:
    ///   - text: `postgres://...` or `postgresql://...`.
    ///   - environment: returns the value of a variable; libpq's variables apply where the URL does not set a value.
    /// - Throws: `DatabaseURLError`, which shows nothing that may be secret.
    init(_ text: String, environment: (String) -> String?) throws(DatabaseURLError) {
        guard let start = Self.start(text) else {
            throw DatabaseURLError("it must begin with postgres:// or postgresql://")
        }
        var rest = text[start...]
        if let mark = rest.firstIndex(of: "?") {
            try read(query: rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        rest = rest.prefix { $0 != "/" }
        if let mark = rest.lastIndex(of: "@") { rest = rest[rest.index(after: mark)...] }
        for (name, variable) in Self.variables where parameters[name] == nil {
            if let value = environment(variable), !value.isEmpty { parameters[name] = value }
        }
        try readHosts(rest)
    }

    static func isOne(_ text: String) -> Bool { start(text) != nil }

    /// The index after the scheme.
    private static func start(_ text: String) -> String.Index? {
        for scheme in ["postgres://", "postgresql://"] where text.hasPrefix(scheme) {
            return text.index(text.startIndex, offsetBy: scheme.count)
        }
        return nil
    }

    private static let variables = [
        ("host", "PGHOST"), ("hostaddr", "PGHOSTADDR"), ("port", "PGPORT"), ("sslmode", "PGSSLMODE"),
        ("sslrootcert", "PGSSLROOTCERT"), ("sslcert", "PGSSLCERT"), ("sslkey", "PGSSLKEY"), ("sslcrl", "PGSSLCRL"),
        ("sslsni", "PGSSLSNI"), ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
        ("sslnegotiation", "PGSSLNEGOTIATION"),
    ]

    private mutating func read(query: Substring) throws(DatabaseURLError) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = PercentCoding.decodedText(parts[1]) else {
                throw DatabaseURLError("a parameter after ? is malformed")
            }
            // The last value wins, as in libpq.
            parameters[String(parts[0])] = value
        }
    }

    private mutating func readHosts(_ authority: Substring) throws(DatabaseURLError) {
        var names: [String] = []
        var ports: [String] = []
        for part in authority.split(separator: ",", omittingEmptySubsequences: false) {
            var (name, port) = (part, Substring(""))
            if part.hasPrefix("["), let bracket = part.firstIndex(of: "]") {
                name = part[part.index(after: part.startIndex)..<bracket]
                port = part[part.index(after: bracket)...].drop { $0 == ":" }
            } else if let colon = part.firstIndex(of: ":") {
                name = part[..<colon]
                port = part[part.index(after: colon)...]
            }
            guard let decoded = PercentCoding.decodedText(name) else { throw DatabaseURLError("the host is malformed") }
            names.append(decoded)
            ports.append(String(port))
        }
        let list = { (text: String?) in
            (text ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        if names.allSatisfy(\.isEmpty) { names = list(parameters["host"]) }
        if ports.allSatisfy(\.isEmpty) { ports = list(parameters["port"]) }
        let addresses = list(parameters["hostaddr"])
        guard names.count <= Self.hostsMax else { throw DatabaseURLError("more than \(Self.hostsMax) hosts") }
        for (index, name) in names.enumerated() {
            let text = ports.count == 1 ? ports[0] : ports.indices.contains(index) ? ports[index] : ""
            guard let port = text.isEmpty ? Self.portDefault : Int(text), Limits.portNumbers.contains(port) else {
                throw DatabaseURLError("the port must be a number from 1 to 65535")
            }
            let address = addresses.indices.contains(index) && !addresses[index].isEmpty ? addresses[index] : nil
            hosts.append(Host(name: name.isEmpty ? address ?? "/" : name, address: address, port: port))
        }
    }
}

/// The reason why a text is not a connection string that can be examined.
package struct DatabaseURLError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ fault: String) { description = "the database's URL: \(fault)" }
}
