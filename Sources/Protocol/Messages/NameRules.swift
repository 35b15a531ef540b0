/// The grammars of names (proto-spec.md, section 5), over UTF-8.
public enum NameRules {
    private static let digest = UInt8(ascii: "@")

    /// 1 to 63 of `a-z 0-9 - _ .`, first `a-z 0-9`.
    public static func isTaskName(_ text: UnsafeRawBufferPointer) -> Bool {
        guard (1...63).contains(text.count), isLowerOrDigit(text[0]) else { return false }
        return text.allSatisfy { isLowerOrDigit($0) || isPunctuation($0) }
    }

    /// 1 to 63 of `a-z 0-9 -`.
    public static func isTaskID(_ text: UnsafeRawBufferPointer) -> Bool {
        (1...63).contains(text.count) && text.allSatisfy { isLowerOrDigit($0) || $0 == UInt8(ascii: "-") }
    }

    /// A node or instance: 1 to 63 of `A-Z a-z 0-9 - _ .`.
    public static func isNodeName(_ text: UnsafeRawBufferPointer) -> Bool {
        (1...63).contains(text.count) && text.allSatisfy { isAlphanumeric($0) || isPunctuation($0) }
    }

    /// 1 to 255 of `A-Z a-z 0-9 - _ . :`.
    public static func isContainerID(_ text: UnsafeRawBufferPointer) -> Bool {
        (1...255).contains(text.count)
            && text.allSatisfy { isAlphanumeric($0) || isPunctuation($0) || $0 == UInt8(ascii: ":") }
    }

    /// `[A-Za-z_][A-Za-z0-9_]*`, at most 255 bytes.
    public static func isEnvironmentName(_ text: UnsafeRawBufferPointer) -> Bool {
        guard (1...255).contains(text.count), !isDigit(text[0]) else { return false }
        return text.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
    }

    /// `[HOST[:PORT]/]PATH[:TAG][@DIGEST]` (the distribution project's reference grammar), 1 to 255 bytes.
    public static func isImageReference(_ text: UnsafeRawBufferPointer) -> Bool {
        guard (1...255).contains(text.count) else { return false }
        var rest = text[...]
        if let at = rest.firstIndex(of: digest) {
            guard isDigest(rest[(at + 1)...]) else { return false }
            rest = rest[..<at]
        }
        let lastSlash = rest.lastIndex(of: UInt8(ascii: "/"))
        let afterSlash = lastSlash.map { $0 + 1 } ?? rest.startIndex
        if let colon = rest[afterSlash...].firstIndex(of: UInt8(ascii: ":")) {
            guard isTag(rest[(colon + 1)...]) else { return false }
            rest = rest[..<colon]
        }
        let parts = rest.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let first = parts.first else { return false }
        let hasHost = parts.count > 1 && isHost(first)
        return parts.dropFirst(hasHost ? 1 : 0).allSatisfy(isPathComponent)
    }

    /// A path component: runs of `a-z 0-9` joined by `.`, `_`, `__` or dashes.
    private static func isPathComponent(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let first = text.first, let last = text.last, isLowerOrDigit(first), isLowerOrDigit(last) else {
            return false
        }
        var run = 0
        var previous: UInt8 = 0
        for byte in text {
            if isLowerOrDigit(byte) {
                run = 0
            } else {
                guard isPunctuation(byte), run == 0 || byte == previous else { return false }
                run += 1
                let runMax = byte == UInt8(ascii: ".") ? 1 : byte == UInt8(ascii: "_") ? 2 : Int.max
                guard run <= runMax else { return false }
            }
            previous = byte
        }
        return true
    }

    private static func isHost(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        let isNamed = text.contains(UInt8(ascii: ".")) || text.contains(UInt8(ascii: ":"))
        guard isNamed || text.elementsEqual("localhost".utf8) else { return false }
        var host = text
        if let colon = text.lastIndex(of: UInt8(ascii: ":")) {
            let port = text[(colon + 1)...]
            guard (1...5).contains(port.count), port.allSatisfy(isDigit) else { return false }
            host = text[..<colon]
        }
        return !host.isEmpty
            && host.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    private static func isTag(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard (1...128).contains(text.count), let first = text.first else { return false }
        guard isAlphanumeric(first) || first == UInt8(ascii: "_") else { return false }
        return text.allSatisfy { isAlphanumeric($0) || isPunctuation($0) }
    }

    private static func isDigest(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return false }
        let algorithm = text[..<colon]
        let hex = text[(colon + 1)...]
        guard let first = algorithm.first, isAlphanumeric(first), hex.count >= 32 else { return false }
        return algorithm.allSatisfy { isAlphanumeric($0) || isPunctuation($0) || $0 == UInt8(ascii: "+") }
            && hex.allSatisfy { isDigit($0) || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f")) }
    }

    @inline(__always)
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    @inline(__always)
    private static func isLowerOrDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "a") < 26 || isDigit(byte) }

    @inline(__always)
    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerOrDigit(byte) || byte &- UInt8(ascii: "A") < 26
    }

    @inline(__always)
    private static func isPunctuation(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
    }
}
