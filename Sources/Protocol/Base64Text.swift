/// Base64 of RFC 4648, section 4, as far as it is looked at without being decoded.
public enum Base64Text {
    /// How many bytes it stands for; nil for what is no base64, lacks its padding, or has bits that stand for nothing.
    public static func decodedByteCount(_ text: UnsafeRawBufferPointer) -> Int? {
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
