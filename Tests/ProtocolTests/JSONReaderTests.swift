import PodlingProtocol
import Testing

@Suite struct JSONReaderTests {
    @Test(arguments: [
        ("", "nothing to read at byte 0"),
        ("  ", "nothing to read at byte 2"),
        ("[]", "not a JSON object at byte 0"),
        ("GET / HTTP/1.1", "not a JSON object at byte 0"),
        ("\u{FEFF}{}", "byte order mark at byte 0"),
        (#"{"a":1,}"#, "trailing comma at byte 6"),
        (#"{"a":[1 , ]}"#, "trailing comma at byte 8"),
        (#"{"a":[,1]}"#, "expected a value at byte 6"),
        (#"{"a":}"#, "expected a value at byte 5"),
        (#"{"a":]"#, "expected a value at byte 5"),
        (#"{,"a":1}"#, "expected a member name in quotes at byte 1"),
        (#"{a:1}"#, "expected a member name in quotes at byte 1"),
        (#"{"a" 1}"#, "expected ':' at byte 5"),
        (#"{"a":1 "b":2}"#, "expected ',' or the closing bracket at byte 7"),
        (#"{"a":[1}"#, "expected ',' or the closing bracket at byte 7"),
        (#"{"a":1"#, "unexpected end at byte 6"),
        (#"{"a""#, "unexpected end at byte 4"),
        (#"{"a":"#, "unexpected end at byte 5"),
        (#"{"#, "unexpected end at byte 1"),
        (#"{"a":"xy"#, "unterminated string at byte 5"),
        (#"{"a":"x\"#, "invalid escape at byte 7"),
        (#"{} x"#, "unexpected bytes after the object at byte 3"),
        (#"{}{}"#, "unexpected bytes after the object at byte 2"),
        (#"{"a":1,"name":2,"name":3}"#, #"duplicate member "name" at byte 16"#),
        ("{\"a\":\"x\ty\"}", "unescaped control character at byte 7"),
        (#"{"a":"\x"}"#, "invalid escape at byte 6"),
        (#"{"a":"\u12G4"}"#, "invalid escape at byte 6"),
        (#"{"a":"\u12"}"#, "invalid escape at byte 6"),
        (#"{"a":tru}"#, "expected a value at byte 5"),
        (#"{"a":trux }"#, "expected a value at byte 5"),
        (#"{"a":falsy}"#, "expected a value at byte 5"),
        (#"{"a":NaN}"#, "expected a value at byte 5"),
    ])
    func says(_ text: String, _ message: String) {
        #expect(refusal(text)?.description == message)
    }

    @Test(arguments: [
        "{}", " {} ", "\t{ }\r\n", #"{"a":[]}"#, #"{"a":{},"b":[{},[[]]]}"#, #"{ "a" : 1 , "b" : [ 1 , 2 ] }"#,
    ])
    func accepts(_ text: String) {
        #expect(refusal(text) == nil)
    }

    @Test(
        arguments: [
            ("9007199254740991", nil), ("-9007199254740991", nil), ("-0", nil), ("0", nil),
            ("9007199254740992", .integerOutOfRange), ("-9007199254740992", .integerOutOfRange),
            ("18446744073709551617", .integerOutOfRange), ("10000000000000000", .integerOutOfRange),
            ("9007199254740993.0", nil), ("1e308", nil), ("1.7976931348623157e308", nil), ("1.8e308", .numberNotFinite),
            ("-1e309", .numberNotFinite), ("0e999999999999999999999", nil), ("1e-999999999999999999999", nil),
            ("01", .invalidNumber), ("-", .invalidNumber), ("-a", .invalidNumber), ("1.", .invalidNumber),
            ("1.e1", .invalidNumber), ("1e", .invalidNumber), ("1e+", .invalidNumber), ("1E-x", .invalidNumber),
            ("00.5", .invalidNumber), ("-01", .invalidNumber), (".5", .expectedValue), ("+1", .expectedValue),
            ("1a", .expectedCommaOrEnd), ("0x10", .expectedCommaOrEnd), ("1_000", .expectedCommaOrEnd),
        ] as [(String, JSONError.Kind?)]
    )
    func numbers(_ text: String, _ kind: JSONError.Kind?) {
        #expect(refusal("{\"n\":\(text)}")?.kind == kind)
        #expect(refusal("{\"n\":[\(text)]}")?.kind == kind)
    }

    @Test func numberOfManyDigitsStaysFinite() {
        let zeros = String(repeating: "0", count: 400)
        #expect(refusal("{\"n\":1\(zeros).5}")?.kind == .numberNotFinite)
        #expect(refusal("{\"n\":0.\(zeros)1e500}")?.kind == nil)
        #expect(refusal("{\"n\":1\(zeros)e-399}") == nil)
    }

    @Test func numbersHaveValues() throws {
        try reading(#"{"a":[0,-0,12,-9007199254740991,1.0,0.1,-2.5e3,true,"1",-0.3,123456.789012]}"#) { root in
            let values = try Array(#require(root["a"]).elements)
            #expect(values.map { $0.int() } == [0, 0, 12, -9_007_199_254_740_991, nil, nil, nil, nil, nil, nil, nil])
            let doubles = [0, 0, 12, -9_007_199_254_740_991, 1, 0.1, -2500, nil, nil, -0.3, 123_456.789_012]
            #expect(values.map { $0.double() } == doubles)
            #expect(values.map { $0.bool() } == [nil, nil, nil, nil, nil, nil, nil, true, nil, nil, nil])
        }
    }

    @Test(arguments: [
        (#"\u0041\u00e9\u20AC\uD834\uDD1E"#, "A\u{E9}\u{20AC}\u{1D11E}"),
        (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{C}\n\r\t"),
        (#"\u0000x"#, "\0x"),
        ("plain and long enough for a second word", "plain and long enough for a second word"),
        (
            "caf\u{E9} \u{1F600} \u{FFFF} end, and then some more",
            "caf\u{E9} \u{1F600} \u{FFFF} end, and then some more"
        ),
        ("", ""),
    ])
    func strings(_ escaped: String, _ plain: String) throws {
        try reading("{\"s\":\"\(escaped)\"}") { root in
            let value = try #require(root["s"])
            #expect(value.string().map { Array($0.utf8) } == Array(plain.utf8))
            #expect(value.withUTF8(Array.init) == Array(plain.utf8))
            #expect(value.raw.elementsEqual("\"\(escaped)\"".utf8))
        }
    }

    @Test(arguments: [
        #"\uD800"#, #"\uDC00"#, #"\uD800\u0041"#, #"\uD800x"#, #"\uD800\n"#, #"\uDBFF\uD800"#, #"\uD83D\"#,
    ])
    func loneSurrogates(_ escaped: String) {
        let kind = refusal("{\"s\":\"\(escaped)\"}")?.kind
        #expect(kind == .loneSurrogate)
        #expect(refusal("{\"\(escaped)\":1}")?.kind == .loneSurrogate)
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xE2, 0x82],
            [0xE2, 0x28, 0xA1], [0xF0, 0x9F, 0x98], [0xC3],
        ] as [[UInt8]]
    )
    func malformedUTF8(_ bytes: [UInt8]) {
        for padding in 0..<10 {
            let pad = [UInt8](repeating: UInt8(ascii: "a"), count: padding)
            let line = Array("{\"s\":\"".utf8) + pad + bytes + Array("\"}".utf8)
            #expect(refusal(line) == JSONError(kind: .notUTF8, offset: 6 + padding))
            let cut = Array("{\"s\":\"".utf8) + pad + bytes
            #expect([.notUTF8, .unterminatedString].contains(refusal(cut)?.kind))
        }
    }

    @Test func everyScalarPasses() {
        for value in stride(from: UInt32(0x20), to: 0x11_0000, by: 17) {
            guard let scalar = Unicode.Scalar(value), scalar != "\"", scalar != "\\" else { continue }
            if let error = refusal("{\"s\":\"\(scalar)\"}") { Issue.record("\(value): \(error)") }
        }
    }

    @Test(arguments: [31, 32, 33, 34])
    func depth(_ depth: Int) {
        let arrays = depth - 1
        let text = "{\"a\":" + String(repeating: "[", count: arrays) + String(repeating: "]", count: arrays) + "}"
        let expected = depth <= 32 ? nil : JSONError(kind: .tooDeep, offset: 5 + 31, detail: "32")
        #expect(refusal(text) == expected)
        let objects = String(repeating: "{\"a\":", count: arrays) + "{}" + String(repeating: "}", count: arrays)
        #expect(refusal(objects)?.kind == expected?.kind)
    }

    /// The densest possible texts must fit the tape that is reserved for them; the address sanitizer would report it.
    @Test(arguments: ["1,", "[],", "{},", "\"\",", "[[]],", "[1],", "[{}],", "{\"\":1},"])
    func denseLinesFitTheTape(_ piece: String) {
        for count in 900..<910 {
            let elements = String(repeating: piece, count: count)
            let nested = String(repeating: "[", count: 30)
            #expect(refusal("{\"a\":[" + elements.dropLast() + "]}") == nil)
            #expect(refusal("{\"a\":[" + elements + nested) != nil)
            #expect(refusal("{\"\":[" + elements + nested + "1") != nil)
        }
    }

    @Test func readerIsReusable() throws {
        var reader = JSONReader()
        let wide = Array("{\"a\":[\(Array(repeating: "1", count: 200_000).joined(separator: ","))]}".utf8)
        for line in [Array("{\"a\":[1]}".utf8), wide, Array("{\"a\":[]".utf8), Array("{\"a\":[2,3]}".utf8)] {
            line.withUnsafeBytes { bytes in
                let count = try? reader.parse(bytes).root["a"]?.count
                #expect(
                    count
                        == (line.count > 100_000 ? 200_000 : line.last == UInt8(ascii: "}") ? line.count / 2 - 3 : nil)
                )
            }
        }
    }
}
