/// Generates new secrets in the form in which they are issued.
package enum Token {
    /// The prefix by which secret scanners recognise a token.
    package static let prefix = "podling_"
    /// Size of a secret: 256 bits.
    static let secretBytes = 32
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Returns `podling_` and 43 characters of base64url, from the system's random number generator.
    package static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return text(of: (0..<secretBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// Encodes base64url without padding (RFC 4648, section 5).
    static func text(of secret: [UInt8]) -> String {
        var text = Array(prefix.utf8)
        var bits = 0
        var count = 0
        for byte in secret {
            bits = (bits << 8 | Int(byte)) & 0xFFFF
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[bits >> count & 0x3F])
            }
        }
        if count > 0 { text.append(alphabet[bits << (6 - count) & 0x3F]) }
        return String(decoding: text, as: UTF8.self)
    }

    package static func digest(of text: String) throws(TokenError) -> TokenDigest {
        var text = text
        guard let digest = text.withUTF8({ TokenDigest(hashing: UnsafeRawBufferPointer($0)) }) else {
            throw TokenError("OpenSSL does not compute SHA-256: look at its configuration (openssl.cnf)")
        }
        return digest
    }
}
