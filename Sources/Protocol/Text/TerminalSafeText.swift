/// Makes untrusted text safe for a terminal: what could move the cursor, change colours, answer back or change the
/// reading direction is shown as an escape, `\x1b` or `\u202e`.
///
/// Escaped are C0, DEL and C1 (ECMA-48), the bidirectional controls (UAX #9), the line and paragraph separators,
/// and bytes that are not UTF-8.
package enum TerminalSafeText {
    /// Escapes for one line or one cell: line feeds and tabs are escaped too.
    package static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isUnsafe(scalar) { result += escape(scalar) } else { result.unicodeScalars.append(scalar) }
        }
        return result
    }

    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F: true
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    static func escape(_ scalar: Unicode.Scalar) -> String {
        scalar.value < 0x100 ? escape(byte: UInt8(scalar.value)) : unicodeEscape(scalar)
    }

    /// The escape of a scalar of the basic multilingual plane.
    static func unicodeEscape(_ scalar: Unicode.Scalar) -> String { "\\u" + hex(scalar.value, digits: 4) }

    static func escape(byte: UInt8) -> String { "\\x" + hex(UInt32(byte), digits: 2) }

    private static func hex(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
