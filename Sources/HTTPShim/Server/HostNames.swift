import PodlingProtocol

/// The allow-list of host names for HTTP requests, against DNS rebinding.
///
/// A web page whose name was made to resolve to this machine (DNS rebinding) has the same origin as its requests here,
/// and so may read the responses. It cannot choose the name that its browser sends as `Host`: where no authentication
/// is required, only requests to the master's own names are answered. An IP address is always accepted: a page with one
/// as its origin was served from there.
package struct HostNames: Sendable {
    private let own: Set<String>

    /// - Parameter own: names and addresses without ports; loopback names need not be among them.
    package init(_ own: [String]) {
        self.own = Set(own.map { Self.name(of: HostPort.bracketed($0)) })
    }

    /// Whether a value of `Host` (RFC 9110, section 7.2), with or without a port, names this master.
    func contains(_ authority: String) -> Bool {
        let name = Self.name(of: authority)
        if name == "localhost" || name.hasSuffix(".localhost") || Self.isAddress(name) { return true }
        return own.contains(name)
    }

    /// The name without its port, in lower case, without the root's dot.
    private static func name(of authority: String) -> String {
        var name = authority.lowercased()[...]
        if name.hasPrefix("["), let end = name.firstIndex(of: "]") {
            name = name[...end]
        } else if let colon = name.lastIndex(of: ":") {
            name = name[..<colon]
        }
        if name.hasSuffix("."), name.count > 1 { name.removeLast() }
        return String(name)
    }

    private static func isAddress(_ name: String) -> Bool {
        if name.hasPrefix("[") { return name.dropFirst().dropLast().allSatisfy { $0.isHexDigit || ":.".contains($0) } }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { $0.allSatisfy(\.isASCII) && UInt8($0) != nil }
    }
}
