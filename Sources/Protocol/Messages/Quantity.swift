/// Amounts of cpu and memory in the notation of the spec (proto-spec.md, section 5.1).
public enum Quantity {
    /// Thousandths of a core at most: sums over the `Limits.slotsMax` attempts of a node cannot overflow.
    public static let cpuMillisMax = 1_000_000_000
    /// Bytes of memory at most (1 PiB), for the same reason.
    public static let memoryBytesMax = 1 << 50

    /// Parses a number (`0.5`) or a string (`"500m"`, `"2"`) as thousandths of a core; nil if it is neither or out of
    /// range.
    public static func cpuMillis(_ value: JSONValue) -> Int? {
        switch value.kind {
        case .integer, .real:
            guard let cores = value.double() else { return nil }
            return millis(cores: cores)
        case .string:
            return value.withUTF8 { text in
                if text.last == UInt8(ascii: "m") {
                    return digits(text.dropLast()).flatMap { (0...cpuMillisMax).contains($0) ? $0 : nil }
                }
                return decimal(text[...]).flatMap(millis(cores:))
            }
        default:
            return nil
        }
    }

    /// Parses an integer or a string (`"64Mi"`, `"1G"`) as bytes; nil if it is neither or out of range.
    public static func memoryBytes(_ value: JSONValue) -> Int? {
        switch value.kind {
        case .integer:
            return value.int().flatMap { (0...memoryBytesMax).contains($0) ? $0 : nil }
        case .string:
            return value.withUTF8 { text in
                let number = text.prefix { $0 &- UInt8(ascii: "0") < 10 }
                guard let count = digits(number), let unit = unit(text[number.endIndex...]) else { return nil }
                let (bytes, isOver) = count.multipliedReportingOverflow(by: unit)
                return !isOver && bytes <= memoryBytesMax ? bytes : nil
            }
        default:
            return nil
        }
    }

    private static func millis(cores: Double) -> Int? {
        guard cores >= 0, cores <= Double(cpuMillisMax) / 1_000 else { return nil }
        let millis = (cores * 1_000).rounded()
        return abs(millis - cores * 1_000) < 1e-6 ? Int(millis) : nil
    }

    private static func unit(_ suffix: Slice<UnsafeRawBufferPointer>) -> Int? {
        let powers: [(StaticString, Int)] = [
            ("", 1), ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000),
            ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40),
        ]
        for (name, factor) in powers
        where suffix.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)) {
            return factor
        }
        return nil
    }

    /// Parses one to fifteen digits.
    private static func digits(_ text: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard (1...15).contains(text.count), text.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
        return text.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    /// Parses `12` or `12.345`, with at most three digits after the point.
    private static func decimal(_ text: Slice<UnsafeRawBufferPointer>) -> Double? {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let head = parts.first, let whole = digits(head) else { return nil }
        guard parts.count == 2 else { return Double(whole) }
        guard parts[1].count <= 3, let fraction = digits(parts[1]) else { return nil }
        let scale = [1.0, 10, 100, 1_000][parts[1].count]
        return Double(whole) + Double(fraction) / scale
    }
}
