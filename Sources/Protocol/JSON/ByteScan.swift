/// SWAR scanning: eight bytes at a time in one register.
enum ByteScan {
    @inline(__always)
    static func byte(_ base: UnsafeRawPointer, _ offset: Int) -> UInt8 {
        base.load(fromByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    static func word(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Bit 7 of each byte that ends the plain ASCII run of a JSON string: quote, backslash, control, non-ASCII.
    /// Only the lowest bit set is exact, because borrows run upwards.
    @inline(__always)
    static func stringStops(_ word: UInt64) -> UInt64 {
        (escapeCandidates(word) | word) & 0x8080_8080_8080_8080
    }

    /// Bit 7 of each byte that a JSON string has to escape; non-ASCII bytes need none. Only the lowest bit set is
    /// exact.
    @inline(__always)
    static func escapeStops(_ word: UInt64) -> UInt64 {
        escapeCandidates(word) & ~word & 0x8080_8080_8080_8080
    }

    @inline(__always)
    private static func escapeCandidates(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = (word ^ (ones &* 0x22)) &- ones
        let backslash = (word ^ (ones &* 0x5C)) &- ones
        let control = word &- (ones &* 0x20)
        return quote | backslash | control
    }

    /// Index in bytes of the lowest bit set by one of the masks above.
    @inline(__always)
    static func index(_ mask: UInt64) -> Int { mask.trailingZeroBitCount &>> 3 }

    /// Offset of the first LF in `from..<end`, or `end`.
    static func lineFeed(_ base: UnsafeRawPointer, from: Int, end: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var at = from
        while at &+ 8 <= end {
            let difference = word(base, at) ^ (ones &* 0x0A)
            let mask = (difference &- ones) & ~difference & 0x8080_8080_8080_8080
            if mask != 0 { return at &+ index(mask) }
            at &+= 8
        }
        while at < end, byte(base, at) != 0x0A { at &+= 1 }
        return at
    }

    static func equal(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, count: Int) -> Bool {
        var at = 0
        while at &+ 8 <= count {
            if word(left, at) != word(right, at) { return false }
            at &+= 8
        }
        while at < count {
            if byte(left, at) != byte(right, at) { return false }
            at &+= 1
        }
        return true
    }
}
