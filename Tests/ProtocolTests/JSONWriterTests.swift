import PodlingProtocol
import TestSupport
import Testing

@Suite struct JSONWriterTests {
    @Test(arguments: [
        ("", #""""#), ("plain", #""plain""#), ("exactly8", #""exactly8""#),
        ("a quote \" after the first word", #""a quote \" after the first word""#),
        ("\\", #""\\""#), ("\u{8}\u{9}\u{A}\u{C}\u{D}", #""\b\t\n\f\r""#),
        ("\0\u{1F}\u{10}\u{B}", #""\u0000\u001f\u0010\u000b""#),
        ("\u{7F}\u{2028}/\u{1F600}\u{E9}", "\"\u{7F}\u{2028}/\u{1F600}\u{E9}\""),
    ])
    func strings(_ text: String, _ expected: String) {
        #expect(written { $0.string(text) } == expected)
        let bytes = Array(text.utf8)
        #expect(written { writer in bytes.withUnsafeBytes { writer.string($0) } } == expected)
    }

    @Test(arguments: [
        0, 9, 10, 99, 100, -1, -10, 123_456_789, 999_999_999_999_999_999, 1_000_000_000_000_000_000, Int.max, Int.min,
    ])
    func integers(_ value: Int) {
        #expect(written { $0.int(value) } == String(value))
    }

    @Test func piecesMakeALine() {
        let line = written { writer in
            writer.raw(#"{"re":"#)
            writer.int(7)
            writer.raw(Array(#","ok":"#.utf8))
            writer.bool(true)
            writer.bool(false)
            writer.raw([UInt8]())
            writer.truncate(to: writer.count - 5)
            writer.byte(UInt8(ascii: "}"))
            writer.newline()
        }
        #expect(line == "{\"re\":7,\"ok\":true}\n")
    }

    @Test func roomIsKeptAndGivenBack() {
        var writer = JSONWriter(capacityBytes: 64)
        for _ in 0..<100 { writer.string("0123456789abcdef") }
        #expect(writer.count == 1800)
        let part = writer.withUnsafeBytes(in: 18..<36) { String(decoding: $0, as: UTF8.self) }
        #expect(part == "\"0123456789abcdef\"")
        let outside = writer.withUnsafeBytes(in: 1790..<5000) { $0.count }
        #expect(outside == 10)
        writer.removeAll()
        #expect(writer.count == 0)
        writer.removeAll(shrinkAboveBytes: 128)
        writer.string("again")
        let text = writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        #expect(text == "\"again\"")
    }

    @Test func whatIsWrittenIsRead() throws {
        var generator = SplitMix64(seed: 11)
        for _ in 0..<2_000 {
            var scalars = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...40, using: &generator) {
                let top: UInt32 = [0x20, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF].randomElement(using: &generator) ?? 0
                if let scalar = Unicode.Scalar(UInt32.random(in: 0...top, using: &generator)) { scalars.append(scalar) }
            }
            let text = String(scalars)
            let line = written { writer in
                writer.raw("{\"s\":")
                writer.string(text)
                writer.raw("}")
            }
            let back = try reading(line) { $0["s"]?.withUTF8(Array.init) }
            #expect(back == Array(text.utf8))
        }
    }
}

@Suite struct JSONTimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2026-11-23T22:31:07.123Z", 1_795_473_067_123),
            ("2000-02-29T12:00:00.001Z", 951_825_600_001),
            ("1969-12-31T23:59:59.999Z", -1),
            ("0000-01-01T00:00:00.000Z", Timestamp.millisecondsMin),
            ("9999-12-31T23:59:59.999Z", Timestamp.millisecondsMax),
        ] as [(String, Int64)]
    )
    func bothWays(_ text: String, _ milliseconds: Int64) {
        #expect(Timestamp.format(milliseconds) == text)
        #expect(parsed(text) == milliseconds)
        #expect(written { $0.timestamp(milliseconds: milliseconds) } == "\"\(text)\"")
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01t00:00:00z", 0), ("1970-01-01T00:00:00.5Z", 500),
            ("1970-01-01T00:00:00.123999Z", 123), ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31T18:30:00.007-05:30", 7),
            ("1970-01-01T00:00:00-00:00", 0), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ] as [(String, Int64)]
    )
    func otherForms(_ text: String, _ milliseconds: Int64) {
        #expect(parsed(text) == milliseconds)
    }

    @Test(arguments: [
        "", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.1",
        "1970-01-01T24:00:00Z",
        "1970-13-01T00:00:00Z", "1970-00-01T00:00:00Z", "1970-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "1970-01-01T00:60:00Z", "1970-01-01T00:00:60Z", "1970-01-01 00:00:00Z", "1970-01-01T00:00:00+0100",
        "1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00Zx", "+970-01-01T00:00:00Z", "1970-01-01T00:00:00+01:00Z",
    ])
    func refused(_ text: String) {
        #expect(parsed(text) == nil)
    }

    @Test func everyDayOfTheCalendar() {
        var milliseconds = Timestamp.millisecondsMin
        var writer = JSONWriter()
        while milliseconds <= Timestamp.millisecondsMax {
            let text = Timestamp.format(milliseconds)
            writer.removeAll()
            writer.timestamp(milliseconds: milliseconds)
            let quoted = writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            if parsed(text) != milliseconds || quoted != "\"\(text)\"" {
                Issue.record("\(milliseconds): \(text) \(quoted)")
            }
            milliseconds += 86_400_000 * 13 + 3_599_123
        }
    }

    @Test func outOfRangeIsTheNearest() {
        #expect(Timestamp.format(.max) == "9999-12-31T23:59:59.999Z")
        #expect(written { $0.timestamp(milliseconds: .min) } == "\"0000-01-01T00:00:00.000Z\"")
    }

    private func parsed(_ text: String) -> Int64? { Array(text.utf8).withUnsafeBytes(Timestamp.parse) }
}
