/// Numbers in the grammar of RFC 8259, section 6, within the range of RFC 7493, section 2.2.
enum JSONNumber {
    /// 2^53 - 1
    static let integerMax: UInt64 = 9_007_199_254_740_991
    static let integerDigitsMax = 16
    /// A number below 10^300 is finite, so it needs no conversion to check.
    private static let safeExponentMax = 300

    /// Whether a fraction or an exponent follows the integer part.
    @inline(__always)
    static func continues(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
    }

    /// Checks fraction and exponent from `from`, where the integer part `digits..<from` ended.
    @inline(never)
    static func endOfReal(
        _ base: UnsafeRawPointer,
        start: Int,
        digits: Int,
        from: Int,
        end: Int
    ) throws(JSONFault) -> Int {
        var at = from
        if ByteScan.byte(base, at) == UInt8(ascii: ".") {
            let fraction = at + 1
            at = endOfDigits(base, from: fraction, end: end)
            guard at > fraction else { throw JSONFault(.invalidNumber, at: start) }
        }
        var exponent = 0
        if at < end, ByteScan.byte(base, at) | 0x20 == UInt8(ascii: "e") {
            at += 1
            var isNegative = false
            if at < end, ByteScan.byte(base, at) == UInt8(ascii: "-") || ByteScan.byte(base, at) == UInt8(ascii: "+") {
                isNegative = ByteScan.byte(base, at) == UInt8(ascii: "-")
                at += 1
            }
            let first = at
            at = endOfDigits(base, from: first, end: end)
            guard at > first else { throw JSONFault(.invalidNumber, at: start) }
            exponent = isNegative ? 0 : boundedInteger(base, first..<at)
        }
        if from - digits + exponent > safeExponentMax {
            guard double(base, start..<at)?.isFinite == true else { throw JSONFault(.numberNotFinite, at: start) }
        }
        return at
    }

    /// Converts the text to a Double; infinite where it is too large.
    static func double(_ base: UnsafeRawPointer, _ range: Range<Int>) -> Double? {
        if let short = shortDecimal(base, range) { return short }
        let text = UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
        return Double(String(decoding: text, as: UTF8.self))
    }

    /// A decimal without exponent whose digits and power of ten are both exact Doubles: then one division rounds
    /// correctly (William Clinger, "How to read floating point numbers accurately"). Nil for any other.
    private static func shortDecimal(_ base: UnsafeRawPointer, _ range: Range<Int>) -> Double? {
        let digitsMax = 15
        guard range.count <= digitsMax else { return nil }
        var mantissa = 0
        var scale = 1.0
        var isFraction = false
        let isNegative = ByteScan.byte(base, range.lowerBound) == UInt8(ascii: "-")
        for at in range.lowerBound + (isNegative ? 1 : 0)..<range.upperBound {
            let byte = ByteScan.byte(base, at)
            if byte == UInt8(ascii: ".") {
                isFraction = true
                continue
            }
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            mantissa = mantissa * 10 + Int(digit)
            if isFraction { scale *= 10 }
        }
        let magnitude = Double(mantissa) / scale
        return isNegative ? -magnitude : magnitude
    }

    private static func endOfDigits(_ base: UnsafeRawPointer, from: Int, end: Int) -> Int {
        var at = from
        while at < end, ByteScan.byte(base, at) &- UInt8(ascii: "0") < 10 { at += 1 }
        return at
    }

    private static func boundedInteger(_ base: UnsafeRawPointer, _ range: Range<Int>) -> Int {
        var value = 0
        for at in range {
            value = value * 10 + Int(ByteScan.byte(base, at) - UInt8(ascii: "0"))
            if value > safeExponentMax { return value }
        }
        return value
    }
}
