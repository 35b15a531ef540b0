import PodlingProtocol

/// Encodes chunks of output as `log` lines (proto-spec section 6.20): at most `Limits.logChunkBytesMax` of output each,
/// as `text` where they are UTF-8, else as `b64`. A character that is cut between two chunks is held back until its
/// rest comes.
package struct LogLineEncoder {
    package struct Line: Equatable {
        package var text: [UInt8]
        /// Bytes of output in the line.
        package var outputBytes: Int
    }

    private static let characterBytesMax = 4
    private let subscription: Int
    private var held: [LogChunk.Stream: [UInt8]] = [:]

    package init(subscription: Int) {
        self.subscription = subscription
    }

    /// Encodes one chunk.
    package mutating func encode(_ chunk: LogChunk) -> [Line] {
        let bytes = (held.removeValue(forKey: chunk.stream) ?? []) + chunk.bytes
        var lines: [Line] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Limits.logChunkBytesMax)
            let whole = piece.dropLast(Self.cutCharacterBytes(piece))
            guard !whole.isEmpty else { break }
            lines.append(line(chunk.stream, whole))
            rest = rest[whole.endIndex...]
        }
        if !rest.isEmpty { held[chunk.stream] = Array(rest) }
        return lines
    }

    /// Encodes what was held back, once nothing more will come.
    package mutating func finish() -> [Line] {
        defer { held = [:] }
        return [LogChunk.Stream.stdout, .stderr].compactMap { stream in
            held[stream].map { line(stream, $0[...]) }
        }
    }

    /// A keep-alive line without output: a sign that there is more to come.
    package func sign() -> Line { line(.stdout, []) }

    /// Count of bytes at the end that begin an incomplete character.
    private static func cutCharacterBytes(_ bytes: ArraySlice<UInt8>) -> Int {
        for (back, byte) in bytes.suffix(characterBytesMax - 1).reversed().enumerated() {
            if byte & 0xC0 == 0x80 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > back + 1 ? back + 1 : 0
        }
        return 0
    }

    private func line(_ stream: LogChunk.Stream, _ bytes: ArraySlice<UInt8>) -> Line {
        var writer = JSONWriter(capacityBytes: bytes.count + 128)
        writer.raw("{\"op\":\"log\",\"sub\":")
        writer.int(subscription)
        writer.raw(stream == .stdout ? ",\"stream\":\"stdout\"" : ",\"stream\":\"stderr\"")
        if String(validating: bytes, as: UTF8.self) != nil {
            writer.raw(",\"text\":")
            bytes.withUnsafeBytes { writer.string($0) }
        } else {
            writer.raw(",\"b64\":\"")
            writer.raw(bytes.withUnsafeBytes { Base64Text.encoded($0) })
            writer.byte(UInt8(ascii: "\""))
        }
        writer.byte(UInt8(ascii: "}"))
        return Line(text: writer.withUnsafeBytes { [UInt8]($0) }, outputBytes: bytes.count)
    }
}
