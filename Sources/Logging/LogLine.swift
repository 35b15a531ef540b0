import PodlingProtocol

/// Formats one event as a line.
struct LogLine {
    /// Milliseconds since 1970, UTC.
    var milliseconds: Int64
    var level: String
    var label: String
    var message: String
    var members: [(name: String, value: String)]

    /// Length limit of the message and of each value: they may hold a peer's input.
    static let textBytesMax = 4_096

    func bytes(_ format: LogFormat) -> [UInt8] {
        var writer = JSONWriter(capacityBytes: 256)
        switch format {
        case .text: writeText(&writer)
        case .json: writeJSON(&writer)
        }
        writer.newline()
        return writer.withUnsafeBytes { [UInt8]($0) }
    }

    private func writeText(_ writer: inout JSONWriter) {
        writer.raw(Array(Timestamp.format(milliseconds).utf8))
        writer.raw(Array(" \(level) \(label): ".utf8))
        writer.raw(Self.printable(Self.cut(message)))
        for member in members {
            let value = Self.cut(member.value)
            writer.byte(UInt8(ascii: " "))
            writer.raw(Self.printable(member.name))
            writer.byte(UInt8(ascii: "="))
            if Self.needsQuotes(value) {
                writer.byte(UInt8(ascii: "\""))
                writer.raw(Self.printable(value, quoted: true))
                writer.byte(UInt8(ascii: "\""))
            } else {
                writer.raw(Self.printable(value))
            }
        }
    }

    private func writeJSON(_ writer: inout JSONWriter) {
        writer.raw("{\"time\":")
        writer.timestamp(milliseconds: milliseconds)
        writer.raw(",\"level\":")
        writer.string(level)
        writer.raw(",\"logger\":")
        writer.string(label)
        writer.raw(",\"message\":")
        writer.string(Self.cut(message))
        for member in members {
            writer.byte(UInt8(ascii: ","))
            writer.string(Self.reserved.contains(member.name) ? member.name + "_" : member.name)
            writer.byte(UInt8(ascii: ":"))
            writer.string(Self.cut(member.value))
        }
        writer.byte(UInt8(ascii: "}"))
    }

    private static func cut(_ text: String) -> String {
        text.utf8.count > textBytesMax ? text.cut(toBytes: textBytesMax) + "..." : text
    }

    private static let reserved = ["time", "level", "logger", "message"]

    private static func needsQuotes(_ text: String) -> Bool {
        text.isEmpty
            || text.utf8.contains { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "=") }
    }

    /// Escapes control characters (C0, DEL, C1) and bidirectional controls as `\u{..}`; quotes and backslashes are
    /// escaped where the text is quoted.
    private static func printable(_ text: String, quoted: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x00..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069:
                bytes += Array("\\u{\(String(scalar.value, radix: 16))}".utf8)
            case 0x22 where quoted, 0x5C where quoted: bytes += [UInt8(ascii: "\\"), UInt8(scalar.value)]
            default: bytes += Array(String(scalar).utf8)
            }
        }
        return bytes
    }
}
