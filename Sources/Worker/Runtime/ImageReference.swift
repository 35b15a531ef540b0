/// An image reference in the grammar of the distribution project (`reference/reference.go`):
/// `[domain[:port]/]path[/path...][:tag][@digest]`.
package struct ImageReference: Hashable, Sendable {
    package static let nameBytesMax = 255
    package static let tagBytesMax = 128

    /// Domain and path, without tag and digest.
    package let name: String
    package let tag: String?
    package let digest: String?

    /// nil where the text does not match that grammar.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.nameBytesMax + Self.tagBytesMax + 256 else { return nil }
        var rest = Substring(text)
        var digest: Substring?
        if let at = rest.firstIndex(of: "@") {
            digest = rest[rest.index(after: at)...]
            rest = rest[..<at]
        }
        var tag: Substring?
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            tag = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
        }
        if let digest, !Self.isDigest(digest) { return nil }
        if let tag, !Self.isTag(tag) { return nil }
        guard Self.isName(rest) else { return nil }
        name = String(rest)
        self.tag = tag.map(String.init)
        self.digest = digest.map(String.init)
    }

    /// The reference to request from the engine: a digest is sufficient; without tag and digest it is `latest`.
    package var canonical: String {
        if let digest { "\(name)@\(digest)" } else { "\(name):\(tag ?? "latest")" }
    }

    /// The `tag` parameter of the engines' pull, which accepts a digest as well.
    var tagOrDigest: String { digest ?? tag ?? "latest" }

    private static func isName(_ text: Substring) -> Bool {
        guard !text.isEmpty, text.utf8.count <= nameBytesMax else { return false }
        var components = text.split(separator: "/", omittingEmptySubsequences: false)
        // The first part is a registry only when it could not be a path, by the engines' own rule.
        if components.count > 1, let first = components.first,
            first.contains(where: { $0 == "." || $0 == ":" || $0.isUppercase }) || first == "localhost"
        {
            guard isDomain(first) else { return false }
            components.removeFirst()
        }
        // 64 hexadecimal digits alone are an image's id and not a name.
        if components.count == 1, components[0].utf8.count == 64, components[0].utf8.allSatisfy(isHex) { return false }
        return components.allSatisfy(isPathComponent)
    }

    private static func isDomain(_ text: Substring) -> Bool {
        var host = text
        if let colon = text.lastIndex(of: ":"), !text[colon...].contains("]") {
            let port = text[text.index(after: colon)...]
            guard (1...5).contains(port.utf8.count), port.utf8.allSatisfy(isDigit) else { return false }
            host = text[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            let address = host.dropFirst().dropLast()
            return !address.isEmpty && address.utf8.allSatisfy { isHex($0, upper: true) || $0 == UInt8(ascii: ":") }
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
                && !label.hasPrefix("-") && !label.hasSuffix("-")
        }
    }

    /// Lower-case letters and digits, joined by one dot, one or two underscores, or any number of dashes.
    private static func isPathComponent(_ text: Substring) -> Bool {
        var separator: [UInt8] = []
        var sawLetter = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard separator.isEmpty || (sawLetter && isSeparator(separator)) else { return false }
                separator.removeAll(keepingCapacity: true)
                sawLetter = true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                separator.append(byte)
            default: return false
            }
        }
        return sawLetter && separator.isEmpty
    }

    private static func isSeparator(_ bytes: [UInt8]) -> Bool {
        bytes == [UInt8(ascii: ".")] || bytes == [UInt8(ascii: "_")]
            || bytes == [UInt8(ascii: "_"), UInt8(ascii: "_")]
            || bytes.allSatisfy { $0 == UInt8(ascii: "-") }
    }

    private static func isTag(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= tagBytesMax else { return false }
        return isWord(first)
            && text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    /// Accepts only the algorithms that the engines can verify.
    private static func isDigest(_ text: Substring) -> Bool {
        for (prefix, digits) in [("sha256:", 64), ("sha384:", 96), ("sha512:", 128)] where text.hasPrefix(prefix) {
            let hex = text.dropFirst(prefix.count)
            return hex.utf8.count == digits && hex.utf8.allSatisfy { isHex($0) }
        }
        return false
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHex(_ byte: UInt8) -> Bool { isHex(byte, upper: false) }

    private static func isHex(_ byte: UInt8, upper: Bool) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            || (upper && (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte))
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "_") }
}
