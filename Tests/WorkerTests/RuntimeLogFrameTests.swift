import PodlingAgent
import Testing

@testable import PodlingWorker

@Suite struct RuntimeLogFrameTests {
    static let frames: [UInt8] =
        frame(1, "out") + frame(2, "") + frame(2, "err\n") + frame(0, "in") + frame(3, "engine")
    static let texts = ["stdout:out", "stderr:err\n", "stdout:in", "stderr:engine"]

    static func frame(_ stream: UInt8, _ text: String) -> [UInt8] {
        [stream, 0, 0, 0, 0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8)
    }

    /// Joins neighbours of one stream, as a reader would see them.
    static func joined(_ chunks: [LogChunk]) -> String {
        chunks.reduce(into: (last: LogChunk.Stream?.none, text: "")) { result, chunk in
            if result.last != chunk.stream { result.text += "[\(chunk.stream.rawValue)]" }
            result.last = chunk.stream
            result.text += String(decoding: chunk.bytes, as: UTF8.self)
        }.text
    }

    @Test func wholeFramesAtOnce() throws {
        var decoder = LogFrameDecoder()
        var chunks: [LogChunk] = []
        try decoder.decode(Self.frames, into: &chunks)
        try decoder.finish()
        #expect(chunks.map { "\($0.stream.rawValue):\(String(decoding: $0.bytes, as: UTF8.self))" } == Self.texts)
    }

    @Test(arguments: 0...Self.frames.count) func cutAnywhere(at cut: Int) throws {
        var decoder = LogFrameDecoder()
        var chunks: [LogChunk] = []
        try decoder.decode(Self.frames[..<cut], into: &chunks)
        try decoder.decode(Self.frames[cut...], into: &chunks)
        try decoder.finish()
        #expect(Self.joined(chunks) == "[stdout]out[stderr]err\n[stdout]in[stderr]engine")
        #expect(chunks.allSatisfy { !$0.bytes.isEmpty })
    }

    @Test func byteByByte() throws {
        var decoder = LogFrameDecoder()
        var chunks: [LogChunk] = []
        for byte in Self.frames { try decoder.decode([byte], into: &chunks) }
        try decoder.finish()
        #expect(Self.joined(chunks) == "[stdout]out[stderr]err\n[stdout]in[stderr]engine")
    }

    @Test(arguments: 1..<11) func endInsideAFrame(bytes: Int) throws {
        var decoder = LogFrameDecoder()
        var chunks: [LogChunk] = []
        try decoder.decode(Self.frame(1, "out").prefix(bytes), into: &chunks)
        #expect(throws: LogFrameDecoder.Failure.truncated) { try decoder.finish() }
    }

    @Test(
        arguments: [
            ([4, 0, 0, 0, 0, 0, 0, 1], LogFrameDecoder.Failure.unknownStream(4)),
            ([UInt8(ascii: "h"), 0, 0, 0, 0, 0, 0, 1], .unknownStream(UInt8(ascii: "h"))),
            ([1, 0, 7, 0, 0, 0, 0, 1], .paddingNotZero),
            ([1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], .frameTooLong(4_294_967_295)),
            ([1, 0, 0, 0, 4, 0, 0, 1], .frameTooLong(LogFrameDecoder.payloadBytesMax + 1)),
        ] as [([UInt8], LogFrameDecoder.Failure)]
    )
    func noFrames(bytes: [UInt8], failure: LogFrameDecoder.Failure) {
        var decoder = LogFrameDecoder()
        var chunks: [LogChunk] = []
        #expect(throws: failure) { try decoder.decode(bytes, into: &chunks) }
        #expect(chunks.isEmpty)
    }

    @Test(arguments: [0, 1, 5, 9, 10, 11, 100]) func tailKeepsTheEnd(bytesMax: Int) {
        var tail = LogTail(bytesMax: bytesMax)
        for (stream, text) in [(LogChunk.Stream.stdout, "abc"), (.stderr, "de"), (.stderr, "f"), (.stdout, "ghij")] {
            tail.append(LogChunk(stream, Array(text.utf8)))
        }
        let kept = tail.chunks.flatMap { $0.bytes }
        #expect(String(decoding: kept, as: UTF8.self) == String("abcdefghij".suffix(bytesMax)))
        #expect(tail.bytesDropped == 10 - kept.count)
    }
}
