/// Breaks a line, as a peer that is broken, careless or hostile would.
struct Mutator {
    private static let numbers: [StaticString] = [
        "0", "-0", "-1", "2147483647", "2147483648", "-2147483648", "4294967295", "4294967296", "9007199254740991",
        "-9007199254740991", "9007199254740992", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "18446744073709551615", "18446744073709551616", "1e308", "-1e308", "1e309", "1e-400", "1e999999999999", "0.001",
        "1.5", "1e3", "1125899906842624", "1000000000000000000000000000000", "00", "+1", ".5", "0x10", "NaN",
        "Infinity",
    ]
    private static let values: [StaticString] = [
        "null", "true", "false", "[]", "{}", "\"\"", "[null]", "{\"a\":{}}", "\"\\u0000\"", "\"\\ud800\"",
        "\"\\udc00\\ud800\"", "\"\\uffff\"", "\"1Ei\"", "\"-5m\"", "\"99999999999999999999Ti\"",
        "\"2026-13-45T99:99:99Z\"",
        "\"9999-12-31T23:59:59.999Z\"", "\"0000-01-01T00:00:00.000Z\"", "[[[[[[]]]]]]",
    ]
    /// Broken UTF-8: cut short, overlong, a surrogate, beyond the end, and bytes that never stand anywhere.
    private static let badText: [[UInt8]] = [
        [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xFE, 0xFF], [0x80],
        [0xEF, 0xBB, 0xBF],
        [0x00], [0x0D], [0x0B], [0x7F], [0xE2, 0x80, 0xA8],
    ]
    /// Over the limit before `hello`, and over the one after it.
    private static let longBytes = [300, 1_100, 9_000, 70_000]
    private static let longestBytes = 1_100_000

    /// Changes the line; what ends it is a part of it.
    static func mutate(_ line: inout [UInt8], _ random: inout SplitMix64) {
        for _ in 0...random.below(3) where !line.isEmpty { once(&line, &random) }
    }

    private static func once(_ line: inout [UInt8], _ random: inout SplitMix64) {
        let at = random.below(line.count)
        switch random.below(16) {
        case 0: line[at] ^= UInt8(1 << random.below(8))
        case 1: line[at] = UInt8(truncatingIfNeeded: random.next())
        case 2: line.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
        case 3: line.removeSubrange(at..<min(line.count, at + 1 + random.below(8)))
        case 4: line.insert(contentsOf: Array(line[at..<min(line.count, at + 1 + random.below(40))]), at: at)
        case 5: swapMembers(&line, &random)
        case 6, 7, 8: replaceValue(&line, &random, with: random.pick(numbers))
        case 9, 10: replaceValue(&line, &random, with: random.pick(values))
        case 11: line.insert(contentsOf: random.pick(badText), at: at)
        case 12: line.insert(contentsOf: nest(&random), at: valueStart(line, &random) ?? at)
        case 13: grow(&line, &random)
        case 14: line.removeSubrange(at...)
        default: endings(&line, &random)
        }
    }

    /// Where a value begins: behind one of the colons.
    private static func valueStart(_ line: [UInt8], _ random: inout SplitMix64) -> Int? {
        let from = random.below(line.count)
        let colon = UInt8(ascii: ":")
        let found = line[from...].firstIndex(of: colon) ?? line.firstIndex(of: colon)
        return found.map { $0 + 1 }
    }

    private static func replaceValue(_ line: inout [UInt8], _ random: inout SplitMix64, with value: StaticString) {
        guard let start = valueStart(line, &random) else { return }
        let ends = [UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]")]
        let end = line[start...].firstIndex { ends.contains($0) } ?? line.count
        line.replaceSubrange(
            start..<end,
            with: UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount)
        )
    }

    /// Two pieces between commas change places.
    private static func swapMembers(_ line: inout [UInt8], _ random: inout SplitMix64) {
        var pieces = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        pieces.swapAt(random.below(pieces.count), random.below(pieces.count))
        line = Array(pieces.joined(separator: [UInt8(ascii: ",")]))
    }

    private static func nest(_ random: inout SplitMix64) -> [UInt8] {
        let depth = random.oneIn(50) ? 50_000 : 1 + random.below(70)
        let isObject = random.oneIn(2)
        let open = isObject ? Array("{\"a\":".utf8) : [UInt8(ascii: "[")]
        let close = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
        var bytes: [UInt8] = []
        for _ in 0..<depth { bytes += open }
        bytes += Array("1".utf8)
        if !random.oneIn(3) { bytes += Array(repeating: close, count: depth) }
        return bytes + Array(",".utf8)
    }

    /// A string becomes long.
    private static func grow(_ line: inout [UInt8], _ random: inout SplitMix64) {
        let count = random.oneIn(300) ? longestBytes : random.oneIn(8) ? random.pick(longBytes) : 1 + random.below(300)
        let from = random.below(line.count)
        guard let quote = line[from...].firstIndex(of: UInt8(ascii: "\"")) else { return }
        line.insert(contentsOf: repeatElement(UInt8(ascii: "a"), count: count), at: quote + 1)
    }

    private static func endings(_ line: inout [UInt8], _ random: inout SplitMix64) {
        switch random.below(5) {
        case 0: line.append(0x0D)
        case 1: line.append(contentsOf: [0x0D, 0x0D])
        case 2: line.insert(contentsOf: [0x0D, 0x0A], at: random.below(line.count))
        case 3: line.insert(0x0A, at: random.below(line.count))
        default: line.append(contentsOf: [0x0A, 0x20, 0x09, 0x0D, 0x0A])
        }
    }
}
