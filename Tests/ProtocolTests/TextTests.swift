import Testing

@testable import PodlingProtocol

@Suite struct TextTests {
    @Test(arguments: [
        ("abc", 2, "ab"), ("a€", 3, "a"), ("a€", 4, "a€"), ("€", 0, ""), ("e\u{301}", 2, "e"), ("", 0, ""),
    ])
    func aTextIsCutBetweenCharacters(_ text: String, _ bytesMax: Int, _ expected: String) {
        #expect(Array(text.cut(toBytes: bytesMax).utf8) == Array(expected.utf8))
    }

    @Test(arguments: [("a b", "a%20b"), ("é/~", "%C3%A9%2F~"), ("", "")])
    func percentEncodingGoesBothWays(_ text: String, _ encoded: String) {
        #expect(PercentCoding.encoded(text) == encoded)
        #expect(PercentCoding.decoded(encoded) == text)
    }

    @Test(arguments: ["%", "%2", "%+1", "%zz", "%ff", "%C3"]) func noPercentEncoding(_ text: String) {
        #expect(PercentCoding.decoded(text) == nil)
    }

    @Test func controlCharactersAreNoText() {
        #expect(PercentCoding.decoded("a%00b") == "a\0b")
        #expect(PercentCoding.decodedText("a%00b") == nil)
        #expect(PercentCoding.decodedText("a%7fb") == nil)
    }
}
