import PodlingAgent

@testable import PodlingFrames

/// The engine's log frames: the output does not depend on where the stream is cut.
enum FramesFuzz {
    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 2 else { return }
        let (cut, stampBytes) = (Int(bytes[0] % 13) + 1, Int(bytes[1] % 3) * 15)
        let input = Array(bytes.dropFirst(2))
        let whole = output(input, cut: max(input.count, 1), stampBytes)
        let pieces = output(input, cut: cut, stampBytes)
        require(whole.text == pieces.text, "pieces of \(cut) bytes have another output")
        require(whole.failure == pieces.failure, "pieces of \(cut) bytes end otherwise")
    }

    private static func output(
        _ input: [UInt8],
        cut: Int,
        _ stampBytes: Int
    ) -> (text: [LogChunk.Stream: [UInt8]], failure: LogFrameDecoder.Failure?) {
        var decoder = LogFrameDecoder(stampBytes: stampBytes)
        var text: [LogChunk.Stream: [UInt8]] = [:]
        var rest = input[...]
        do {
            while !rest.isEmpty {
                var chunks: [LogChunk] = []
                defer { for chunk in chunks { text[chunk.stream, default: []] += chunk.bytes } }
                let piece = rest.prefix(cut)
                rest = rest.dropFirst(piece.count)
                try decoder.decode(piece, into: &chunks)
            }
            try decoder.finish()
            return (text, nil)
        } catch {
            return (text, error)
        }
    }
}
