/// The slow path for strings: escapes, UTF-8 and the last bytes of a line.
enum JSONText {
    /// Checks a string from `from` on, and finds its closing quote.
    @inline(never)
    static func closingQuote(
        _ base: UnsafeRawPointer,
        from: Int,
        end: Int,
        opening: Int
    ) throws(JSONFault) -> (closing: Int, isEscaped: Bool) {
        var at = from
        var isEscaped = false
        while at < end {
            let byte = ByteScan.byte(base, at)
            if byte >= 0x80 {
                at = try endOfScalar(base, at, end)
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): return (at, isEscaped)
            case UInt8(ascii: "\\"):
                isEscaped = true
                at = try endOfEscape(base, at, end)
            case ..<0x20: throw JSONFault(.controlCharacter, at: at)
            default: at += 1
            }
            while at &+ 8 <= end {
                let stops = ByteScan.stringStops(ByteScan.word(base, at))
                at &+= stops == 0 ? 8 : ByteScan.index(stops)
                if stops != 0 { break }
            }
        }
        throw JSONFault(.unterminatedString, at: opening)
    }

    /// Validates one non-ASCII scalar: Unicode 16, table 3-7, so no overlong forms, no surrogates, nothing above
    /// U+10FFFF.
    @inline(__always)
    private static func endOfScalar(_ base: UnsafeRawPointer, _ at: Int, _ end: Int) throws(JSONFault) -> Int {
        let count: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch ByteScan.byte(base, at) {
        case 0xC2...0xDF: count = 2
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: count = 3
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: count = 4
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: throw JSONFault(.notUTF8, at: at)
        }
        guard at &+ count <= end, second.contains(ByteScan.byte(base, at &+ 1)) else {
            throw JSONFault(.notUTF8, at: at)
        }
        var next = at &+ 2
        while next < at &+ count {
            guard ByteScan.byte(base, next) & 0xC0 == 0x80 else { throw JSONFault(.notUTF8, at: at) }
            next &+= 1
        }
        return next
    }

    private static func endOfEscape(_ base: UnsafeRawPointer, _ at: Int, _ end: Int) throws(JSONFault) -> Int {
        guard at + 1 < end else { throw JSONFault(.invalidEscape, at: at) }
        switch ByteScan.byte(base, at + 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return at + 2
        case UInt8(ascii: "u"):
            break
        default:
            throw JSONFault(.invalidEscape, at: at)
        }
        guard let unit = codeUnit(base, at, end) else { throw JSONFault(.invalidEscape, at: at) }
        guard unit & 0xF800 == 0xD800 else { return at + 6 }
        guard
            unit < 0xDC00, at + 12 <= end,
            ByteScan.byte(base, at + 6) == UInt8(ascii: "\\"), ByteScan.byte(base, at + 7) == UInt8(ascii: "u"),
            let low = codeUnit(base, at + 6, end), low & 0xFC00 == 0xDC00
        else { throw JSONFault(.loneSurrogate, at: at) }
        return at + 12
    }

    /// The four hex digits of a `\u` escape that begins at `at`.
    private static func codeUnit(_ base: UnsafeRawPointer, _ at: Int, _ end: Int) -> UInt32? {
        guard at + 6 <= end else { return nil }
        var unit: UInt32 = 0
        for offset in at + 2..<at + 6 {
            let byte = ByteScan.byte(base, offset)
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return unit
    }

    /// Writes the unescaped content of a string that the scanner has accepted; never longer than the text.
    /// - Returns: the count of bytes written.
    static func unescape(_ text: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer) -> Int {
        guard let base = text.baseAddress else { return 0 }
        var at = 0
        var filled = 0
        while at < text.count {
            let byte = ByteScan.byte(base, at)
            guard byte == UInt8(ascii: "\\") else {
                out[filled] = byte
                (at, filled) = (at + 1, filled + 1)
                continue
            }
            guard ByteScan.byte(base, at + 1) == UInt8(ascii: "u") else {
                out[filled] = simpleEscape(ByteScan.byte(base, at + 1))
                (at, filled) = (at + 2, filled + 1)
                continue
            }
            var scalar = codeUnit(base, at, text.count) ?? 0xFFFD
            at += 6
            if scalar & 0xFC00 == 0xD800, let low = codeUnit(base, at, text.count) {
                scalar = 0x10000 + (scalar - 0xD800) << 10 + (low & 0x3FF)
                at += 6
            }
            for unit in UTF8.encode(Unicode.Scalar(scalar) ?? "\u{FFFD}") ?? UTF8.encodedReplacementCharacter {
                out[filled] = unit
                filled += 1
            }
        }
        return filled
    }

    private static func simpleEscape(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: byte
        }
    }
}
