/// `TerminalSafeText` for a stream whose chunks are cut anywhere; line feeds and tabs pass.
package struct TerminalSafeStream: Sendable {
    /// The beginning of a UTF-8 sequence whose rest has not come yet: at most three bytes.
    private var partial: [UInt8] = []

    package init() {}

    /// - Returns: the text that is complete now.
    package mutating func append(_ chunk: some Collection<UInt8>) -> String {
        var bytes = partial
        bytes.append(contentsOf: chunk)
        partial = []
        var result = ""
        var at = 0
        while at < bytes.count {
            let length = Self.sequenceLength(bytes[at])
            if at + length > bytes.count, Self.areContinuations(bytes[(at + 1)...]) {
                partial = Array(bytes[at...])
                break
            }
            let end = min(at + length, bytes.count)
            if length > 0, let text = String(validating: bytes[at..<end], as: UTF8.self) {
                for scalar in text.unicodeScalars { Self.append(scalar, to: &result) }
                at = end
            } else {
                result += TerminalSafeText.escape(byte: bytes[at])
                at += 1
            }
        }
        return result
    }

    /// Returns what is left at the end of the stream, escaped.
    package mutating func finish() -> String {
        defer { partial = [] }
        return partial.map(TerminalSafeText.escape(byte:)).joined()
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
        if scalar != "\n", scalar != "\t", TerminalSafeText.isUnsafe(scalar) {
            result += TerminalSafeText.escape(scalar)
        } else {
            result.unicodeScalars.append(scalar)
        }
    }

    /// Bytes of the sequence that `lead` begins (Unicode 16, table 3-7); 0 where it begins none.
    private static func sequenceLength(_ lead: UInt8) -> Int {
        switch lead {
        case 0..<0x80: 1
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 0
        }
    }

    private static func areContinuations(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { $0 & 0xC0 == 0x80 }
    }
}
