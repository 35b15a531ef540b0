/// Base64 with padding (RFC 4648, section 4).
package enum Base64Text {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Encodes `bytes`, with padding.
    package static func encoded(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let textBytes = (bytes.count + 2) / 3 * 4
        return [UInt8](unsafeUninitializedCapacity: textBytes) { text, count in
            var (start, end) = (0, 0)
            while start < bytes.count {
                let group = bytes[start..<min(start + 3, bytes.count)]
                var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
                for place in stride(from: 3, through: 0, by: -1) {
                    text[end + place] = place > group.count ? UInt8(ascii: "=") : alphabet[Int(bits & 63)]
                    bits >>= 6
                }
                (start, end) = (start + 3, end + 4)
            }
            count = textBytes
        }
    }

    /// Counts the bytes that `text` decodes to; nil where it is not base64, lacks padding, or has non-zero trailing
    /// bits.
    package static func decodedByteCount(_ text: UnsafeRawBufferPointer) -> Int? {
        guard text.count.isMultiple(of: 4) else { return nil }
        guard let last = text.last else { return 0 }
        let padding = last != UInt8(ascii: "=") ? 0 : text[text.count - 2] != UInt8(ascii: "=") ? 1 : 2
        for byte in text.dropLast(padding) where value(byte) == nil { return nil }
        let unused: UInt8 = padding == 1 ? 0b11 : padding == 2 ? 0b1111 : 0
        guard let lastValue = value(text[text.count - 1 - padding]), lastValue & unused == 0 else { return nil }
        return text.count / 4 * 3 - padding
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
