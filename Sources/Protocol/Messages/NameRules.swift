/// The grammars of names (proto-spec.md, section 5), over UTF-8.
public enum NameRules {
    /// 1 to 63 of `a-z 0-9 - _ .`, first `a-z 0-9`.
    public static func isTaskName(_ text: UnsafeRawBufferPointer) -> Bool {
        guard (1...63).contains(text.count), isLowerOrDigit(text[0]) else { return false }
        return text.allSatisfy { isLowerOrDigit($0) || isPunctuation($0) }
    }

    /// 1 to 1,020 bytes without NUL: another system may have assigned it.
    public static func isTaskID(_ text: UnsafeRawBufferPointer) -> Bool {
        (1...Limits.taskIDBytesMax).contains(text.count) && !text.contains(0)
    }

    /// `t` and 12 of `0-9 a-z` without `i l o u`: an id that a master assigned, of this or another store.
    public static func isOwnTaskID(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count == 13, text[0] == UInt8(ascii: "t") else { return false }
        return text.dropFirst().allSatisfy { isLowerOrDigit($0) && !"ilou".utf8.contains($0) }
    }

    /// Whether a container and a file can be named after a task of this id: 1 to 128 of `A-Z a-z 0-9 - _ .`, first a
    /// letter or digit.
    public static func isRunnableTaskID(_ text: UnsafeRawBufferPointer) -> Bool {
        guard (1...128).contains(text.count), isAlphanumeric(text[0]) else { return false }
        return text.allSatisfy { isAlphanumeric($0) || isPunctuation($0) }
    }

    /// The name of a node or instance: 1 to 63 of `A-Z a-z 0-9 - _ .`.
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

    /// Whether it starts with `PODLING_`, the prefix of the variables that the worker sets.
    public static func isReservedEnvironmentName(_ text: UnsafeRawBufferPointer) -> Bool {
        text.count >= 8 && text[0] == UInt8(ascii: "P") && text.starts(with: "PODLING_".utf8)
    }

    /// `[HOST[:PORT]/]PATH[:TAG][@DIGEST]` (the distribution project's reference grammar), 1 to 255 bytes.
    public static func isImageReference(_ text: UnsafeRawBufferPointer) -> Bool {
        guard (1...255).contains(text.count) else { return false }
        var end = text.count
        if let at = index(of: UInt8(ascii: "@"), in: text, 0, end) {
            guard isDigest(text, at + 1, end) else { return false }
            end = at
        }
        var start = 0
        if let slash = index(of: UInt8(ascii: "/"), in: text, 0, end), isHost(text, 0, slash) { start = slash + 1 }
        // Components from here on; a colon begins the tag, which is the end.
        while true {
            var stop = start
            while stop < end, text[stop] != UInt8(ascii: "/"), text[stop] != UInt8(ascii: ":") { stop += 1 }
            guard isPathComponent(text, start, stop) else { return false }
            guard stop < end else { return true }
            if text[stop] == UInt8(ascii: ":") { return isTag(text, stop + 1, end) }
            start = stop + 1
        }
    }

    private static func index(of byte: UInt8, in text: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Int? {
        var at = start
        while at < end {
            if text[at] == byte { return at }
            at += 1
        }
        return nil
    }

    /// A path component: runs of `a-z 0-9` joined by `.`, `_`, `__` or dashes.
    private static func isPathComponent(_ text: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        guard end > start, isLowerOrDigit(text[start]), isLowerOrDigit(text[end - 1]) else { return false }
        var run = 0
        for at in start..<end {
            let byte = text[at]
            if isLowerOrDigit(byte) {
                run = 0
                continue
            }
            guard isPunctuation(byte), run == 0 || byte == text[at - 1] else { return false }
            run += 1
            if byte == UInt8(ascii: "."), run > 1 { return false }
            if byte == UInt8(ascii: "_"), run > 2 { return false }
        }
        return true
    }

    /// A name with a dot, a port, or `localhost`: else the first component is part of the path.
    private static func isHost(_ text: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        var hostEnd = end
        var isNamed = false
        if let colon = index(of: UInt8(ascii: ":"), in: text, start, end) {
            guard (1...5).contains(end - colon - 1), (colon + 1..<end).allSatisfy({ isDigit(text[$0]) }) else {
                return false
            }
            hostEnd = colon
            isNamed = true
        }
        guard hostEnd > start else { return false }
        for at in start..<hostEnd {
            let byte = text[at]
            if byte == UInt8(ascii: ".") { isNamed = true }
            guard isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") else { return false }
        }
        return isNamed || UnsafeRawBufferPointer(rebasing: text[start..<hostEnd]).elementsEqual("localhost".utf8)
    }

    private static func isTag(_ text: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        guard (1...128).contains(end - start) else { return false }
        guard isAlphanumeric(text[start]) || text[start] == UInt8(ascii: "_") else { return false }
        return (start..<end).allSatisfy { isAlphanumeric(text[$0]) || isPunctuation(text[$0]) }
    }

    private static func isDigest(_ text: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        guard let colon = index(of: UInt8(ascii: ":"), in: text, start, end), colon > start else { return false }
        guard isAlphanumeric(text[start]), end - colon - 1 >= 32 else { return false }
        let isAlgorithm = (start..<colon).allSatisfy {
            isAlphanumeric(text[$0]) || isPunctuation(text[$0]) || text[$0] == UInt8(ascii: "+")
        }
        return isAlgorithm
            && (colon + 1..<end).allSatisfy { isDigit(text[$0]) || text[$0] &- UInt8(ascii: "a") < 6 }
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

extension String {
    /// Whether this text keeps to a rule of `NameRules`.
    package func follows(_ rule: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        var text = self
        return text.withUTF8 { rule(UnsafeRawBufferPointer($0)) }
    }
}
