/// Gives task ids: `t` and twelve digits of base 32, growing, so that they sort by age.
public struct TaskIDSequence: Sendable {
    /// Ids of one millisecond; a run may give more, and takes them from the milliseconds that follow.
    private static let bitsPerMillisecond: UInt64 = 18
    private static let digits: StaticString = "0123456789abcdefghjkmnpqrstvwxyz"
    private static let digitCount = 12
    /// 2026-01-01T00:00:00Z in milliseconds since 1970.
    private static let originMilliseconds: Int64 = 1_767_225_600_000

    private var next: UInt64

    public init(base: UInt64) { next = base }

    /// Where a run that starts at this time begins.
    public static func base(wallMilliseconds: Int64) -> UInt64 {
        UInt64(max(wallMilliseconds - originMilliseconds, 0)) << bitsPerMillisecond
    }

    public mutating func take() -> String {
        let value = next
        next &+= 1
        return String(unsafeUninitializedCapacity: Self.digitCount + 1) { out in
            out[0] = UInt8(ascii: "t")
            for index in 0..<Self.digitCount {
                let shift = UInt64(5 * (Self.digitCount - 1 - index))
                out[index + 1] = Self.digits.utf8Start[Int((value >> shift) & 31)]
            }
            return Self.digitCount + 1
        }
    }
}
