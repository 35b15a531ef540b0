import PodlingProtocol
import Testing

@Suite struct Base64Tests {
    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func aTextIsThatOfTheRFC(_ bytes: String, _ text: String) {
        #expect(encoded(Array(bytes.utf8)) == text)
    }

    @Test func everyCharacterOfTheAlphabetIsWritten() {
        let bytes = stride(from: 0, to: 64, by: 4).flatMap { index in
            let bits = (0..<4).reduce(0) { $0 << 6 | (index + $1) }
            return [UInt8(bits >> 16), UInt8(bits >> 8 & 0xFF), UInt8(bits & 0xFF)]
        }
        #expect(encoded(bytes) == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    }

    @Test(arguments: 0...9) func whatIsWrittenIsReadAsSoManyBytes(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: 0xFF - 37 * $0) }
        let text = Array(encoded(bytes).utf8)
        #expect(text.withUnsafeBytes { Base64Text.decodedByteCount($0) } == count)
    }

    private func encoded(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.withUnsafeBytes { Base64Text.encoded($0) }, as: UTF8.self)
    }
}
