extension JSONWriter {
    /// Appends a string in quotes, escaped where RFC 8259 section 7 demands it: quote, backslash, U+0000 to U+001F.
    public mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { string(UnsafeRawBufferPointer($0)) }
    }

    /// Appends a string from bytes, which must be valid UTF-8.
    public mutating func string(_ utf8: UnsafeRawBufferPointer) {
        let count = utf8.count
        reserve(count &+ 2)
        base.storeBytes(of: UInt8(ascii: "\""), toByteOffset: filled, as: UInt8.self)
        var at = 0
        if let source = utf8.baseAddress {
            at = copyPlain(source, count)
            if at < count { escape(source, from: at, count) }
        }
        base.storeBytes(of: UInt8(ascii: "\""), toByteOffset: filled, as: UInt8.self)
        filled &+= 1
    }

    /// Copies up to the first byte that needs an escape, and moves past the opening quote.
    /// - Returns: the count of bytes copied.
    @inline(__always)
    private mutating func copyPlain(_ source: UnsafeRawPointer, _ count: Int) -> Int {
        let out = base + (filled &+ 1)
        var at = 0
        while at &+ 8 <= count {
            let word = source.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            let stops = ByteScan.escapeStops(UInt64(littleEndian: word))
            out.storeBytes(of: word, toByteOffset: at, as: UInt64.self)
            guard stops == 0 else {
                at &+= ByteScan.index(stops)
                filled &+= 1 &+ at
                return at
            }
            at &+= 8
        }
        while at < count {
            let byte = ByteScan.byte(source, at)
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
            out.storeBytes(of: byte, toByteOffset: at, as: UInt8.self)
            at &+= 1
        }
        filled &+= 1 &+ at
        return at
    }

    @inline(never)
    private mutating func escape(_ source: UnsafeRawPointer, from: Int, _ count: Int) {
        let escapeBytesMax = 6
        reserve((count - from) * escapeBytesMax + 1)
        for at in from..<count {
            let byte = ByteScan.byte(source, at)
            switch byte {
            case UInt8(ascii: "\""): raw("\\\"")
            case UInt8(ascii: "\\"): raw("\\\\")
            case 0x08: raw("\\b")
            case 0x09: raw("\\t")
            case 0x0A: raw("\\n")
            case 0x0C: raw("\\f")
            case 0x0D: raw("\\r")
            case ..<0x20:
                raw("\\u00")
                self.byte(UInt8(ascii: "0") + byte >> 4)
                self.byte(byte & 0x0F < 10 ? UInt8(ascii: "0") + byte & 0x0F : UInt8(ascii: "a") + byte & 0x0F - 10)
            default: self.byte(byte)
            }
        }
    }
}
