/// Instants in the format of RFC 3339, section 5.6, counted in milliseconds since 1970-01-01T00:00:00Z.
public enum Timestamp {
    /// 0000-01-01T00:00:00.000Z, the first that RFC 3339 can write.
    public static let millisecondsMin: Int64 = -62_167_219_200_000
    /// 9999-12-31T23:59:59.999Z, the last that RFC 3339 can write.
    public static let millisecondsMax: Int64 = 253_402_300_799_999

    /// Clamps to the range of RFC 3339.
    public static func bounded(_ milliseconds: Int64) -> Int64 {
        min(max(milliseconds, millisecondsMin), millisecondsMax)
    }

    /// Bytes of `2026-11-23T22:31:07.123Z`.
    static let byteCount = 24
    /// Bytes of `2026-11-23T22:31:07`.
    static let secondByteCount = 19

    /// Formats as `2026-11-23T22:31:07.123Z`; instants out of range are clamped.
    public static func format(_ milliseconds: Int64) -> String {
        String(unsafeUninitializedCapacity: byteCount) { out in
            guard let base = UnsafeMutableRawPointer(out.baseAddress) else { return 0 }
            let (second, millisecond) = split(milliseconds)
            writeSecond(second, to: base)
            writeMillisecond(millisecond, to: base + secondByteCount)
            return byteCount
        }
    }

    /// Reads an RFC 3339 date-time with `Z` or a numeric offset; digits beyond milliseconds are dropped.
    /// - Returns: milliseconds since 1970 in UTC; nil for anything else, which includes dates that do not exist.
    public static func parse(_ text: UnsafeRawBufferPointer) -> Int64? {
        guard
            text.count >= secondByteCount + 1, text.count <= 64,
            text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"), text[10] | 0x20 == UInt8(ascii: "t"),
            text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
            let year = number(text, 0..<4), let month = number(text, 5..<7), let day = number(text, 8..<10),
            let hour = number(text, 11..<13), let minute = number(text, 14..<16), let second = number(text, 17..<19),
            1...12 ~= month, 1...daysInMonth(year, month) ~= day, hour < 24, minute < 60,
            second < 60 || second == 60 && minute == 59
        else { return nil }
        var at = secondByteCount
        guard let fraction = fractionMilliseconds(text, &at) else { return nil }
        guard let offset = offsetSeconds(text, from: at) else { return nil }
        let seconds = daysFromCivil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset
        return Int64(seconds * 1_000 + fraction)
    }

    static func split(_ milliseconds: Int64) -> (second: Int64, millisecond: Int64) {
        let bounded = bounded(milliseconds)
        let millisecond = (bounded % 1_000 + 1_000) % 1_000
        return ((bounded - millisecond) / 1_000, millisecond)
    }

    /// Writes 19 bytes, `2026-11-23T22:31:07`.
    static func writeSecond(_ second: Int64, to out: UnsafeMutableRawPointer) {
        let inDay = (second % 86_400 + 86_400) % 86_400
        let (year, month, day) = civil(days: Int((second - inDay) / 86_400))
        let time = Int(inDay)
        writeTwo(year / 100, to: out)
        writeTwo(year % 100, to: out + 2)
        out.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 4, as: UInt8.self)
        writeTwo(month, to: out + 5)
        out.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 7, as: UInt8.self)
        writeTwo(day, to: out + 8)
        out.storeBytes(of: UInt8(ascii: "T"), toByteOffset: 10, as: UInt8.self)
        writeTwo(time / 3_600, to: out + 11)
        out.storeBytes(of: UInt8(ascii: ":"), toByteOffset: 13, as: UInt8.self)
        writeTwo(time / 60 % 60, to: out + 14)
        out.storeBytes(of: UInt8(ascii: ":"), toByteOffset: 16, as: UInt8.self)
        writeTwo(time % 60, to: out + 17)
    }

    /// Writes 5 bytes, `.123Z`.
    static func writeMillisecond(_ millisecond: Int64, to out: UnsafeMutableRawPointer) {
        let value = Int(millisecond)
        out.storeBytes(of: UInt8(ascii: "."), as: UInt8.self)
        out.storeBytes(of: UInt8(ascii: "0") &+ UInt8(value / 100), toByteOffset: 1, as: UInt8.self)
        writeTwo(value % 100, to: out + 2)
        out.storeBytes(of: UInt8(ascii: "Z"), toByteOffset: 4, as: UInt8.self)
    }

    private static func writeTwo(_ value: Int, to out: UnsafeMutableRawPointer) {
        out.storeBytes(of: UInt8(ascii: "0") &+ UInt8(value / 10), as: UInt8.self)
        out.storeBytes(of: UInt8(ascii: "0") &+ UInt8(value % 10), toByteOffset: 1, as: UInt8.self)
    }
}

// The proleptic Gregorian calendar by Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin
// in March, so that the leap day comes last, and 400 years are one era of 146097 days.
extension Timestamp {
    static func daysFromCivil(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let marchYear = month <= 2 ? year - 1 : year
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func daysInMonth(_ year: Int, _ month: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func number(_ text: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
        guard range.upperBound <= text.count else { return nil }
        var value = 0
        for at in range {
            let digit = text[at] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }

    /// Parses the fraction at `at`, which is moved past it; 0 where there is none, nil where it has no digit.
    private static func fractionMilliseconds(_ text: UnsafeRawBufferPointer, _ at: inout Int) -> Int? {
        guard text[at] == UInt8(ascii: ".") else { return 0 }
        at += 1
        let first = at
        var value = 0
        var scale = 100
        while let digit = number(text, at..<at + 1) {
            value += digit * scale
            scale /= 10
            at += 1
        }
        return at > first ? value : nil
    }

    /// Parses the last part of the text as seconds east of UTC; nil where it is none.
    private static func offsetSeconds(_ text: UnsafeRawBufferPointer, from at: Int) -> Int? {
        guard at < text.count else { return nil }
        if text[at] | 0x20 == UInt8(ascii: "z") { return at + 1 == text.count ? 0 : nil }
        let isWest = text[at] == UInt8(ascii: "-")
        guard
            isWest || text[at] == UInt8(ascii: "+"), at + 6 == text.count, text[at + 3] == UInt8(ascii: ":"),
            let hour = number(text, at + 1..<at + 3), let minute = number(text, at + 4..<at + 6), hour < 24, minute < 60
        else { return nil }
        let seconds = hour * 3_600 + minute * 60
        return isWest ? -seconds : seconds
    }
}
