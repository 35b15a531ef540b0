/// Makes JSON safe for a terminal: what `TerminalSafeText` escapes can occur in strings only, and is written there with
/// JSON's own escapes (RFC 8259, section 7). The value stays the same.
package enum TerminalSafeJSON {
    /// - Parameter json: whole values; line feeds between them stay.
    package static func escaped(_ json: [UInt8]) -> [UInt8] {
        let text = String(decoding: json, as: UTF8.self)
        guard text.unicodeScalars.contains(where: isEscaped) else { return json }
        var result = ""
        for scalar in text.unicodeScalars {
            if isEscaped(scalar) {
                result += TerminalSafeText.unicodeEscape(scalar)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return Array(result.utf8)
    }

    private static func isEscaped(_ scalar: Unicode.Scalar) -> Bool {
        scalar != "\n" && TerminalSafeText.isUnsafe(scalar)
    }
}
