import PodlingProtocol

/// A task id: a number that increases with every task, written as `t` and twelve digits of base 32, so that ids sort by
/// age and are found without a dictionary. Foreign ids (those given by another system) are numbers too, valid within
/// one run, and sort before all others (`ForeignTaskIDs`).
package struct TaskID: Hashable, Comparable, Sendable {
    /// The ids of one millisecond take this many bits; a run that needs more takes them from the milliseconds that
    /// follow.
    private static let bitsPerMillisecond: UInt64 = 18
    /// 2026-01-01T00:00:00Z in milliseconds since 1970.
    private static let originMilliseconds: Int64 = 1_767_225_600_000
    private static let digits: StaticString = "0123456789abcdefghjkmnpqrstvwxyz"
    private static let digitCount = 12
    private static let notADigit: UInt8 = 255

    /// The value of each byte as a digit.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: notADigit, count: 256)
        for digit in 0..<32 { values[Int(digits.utf8Start[digit])] = UInt8(digit) }
        return values
    }()

    package let number: UInt64

    package init(number: UInt64) { self.number = number }

    /// The first id of a run that starts at this time.
    package static func base(wallMilliseconds: Int64) -> TaskID {
        TaskID(number: UInt64(max(wallMilliseconds - originMilliseconds, 0)) << bitsPerMillisecond)
    }

    /// Parses an id; nil if it is not one of our own.
    package init?(_ text: UnsafeRawBufferPointer) {
        guard text.count == Self.digitCount + 1, text[0] == UInt8(ascii: "t") else { return nil }
        var number: UInt64 = 0
        var worst: UInt8 = 0
        for index in 1...Self.digitCount {
            let value = Self.values[Int(text[index])]
            worst |= value
            number = number << 5 | UInt64(value & 31)
        }
        // The highest bit is never reached, so an id can always be followed by higher ones.
        guard worst < 32, number >> 59 == 0 else { return nil }
        self.number = number
    }

    package static func < (one: TaskID, other: TaskID) -> Bool {
        Int64(bitPattern: one.number) < Int64(bitPattern: other.number)
    }

    /// Whether a task of a store may have this id: what follows the highest one can still be written. Ids reach it in 2060.
    var leavesRoom: Bool { isForeign || number >> 58 == 0 }

    /// The next id.
    var next: TaskID { TaskID(number: number &+ 1) }

    /// The id as text; for a foreign id, `TaskTable` has it.
    package var text: String {
        String(unsafeUninitializedCapacity: Self.digitCount + 1) { out in
            write(to: UnsafeMutableRawBufferPointer(out))
            return Self.digitCount + 1
        }
    }

    private func write(to out: UnsafeMutableRawBufferPointer) {
        out[0] = UInt8(ascii: "t")
        for index in 0..<Self.digitCount {
            let shift = UInt64(5 * (Self.digitCount - 1 - index))
            out[index + 1] = Self.digits.utf8Start[Int((number >> shift) & 31)]
        }
    }

    /// Appends the id in quotes; not for a foreign id.
    func write(to writer: inout JSONWriter) {
        withUnsafeTemporaryAllocation(byteCount: Self.digitCount + 3, alignment: 1) { out in
            out[0] = UInt8(ascii: "\"")
            write(to: UnsafeMutableRawBufferPointer(rebasing: out[1...]))
            out[Self.digitCount + 2] = UInt8(ascii: "\"")
            writer.raw(UnsafeRawBufferPointer(out))
        }
    }
}
