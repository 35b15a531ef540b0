import NIOCore
import PodlingAgent

/// An open log.
struct LogFrames {
    let body: EngineBody.Iterator
    var decoder: LogFrameDecoder
    /// Bytes that were read but not decoded yet.
    private var peeked: ByteBuffer?

    init(body: EngineBody.Iterator, stampBytes: Int) {
        self.body = body
        decoder = LogFrameDecoder(stampBytes: stampBytes)
    }

    /// The timestamp of the first line, before anything is consumed; nil where there is no line.
    mutating func peekStamp() async throws -> [UInt8]? {
        let size = LogFrameDecoder.headerBytes + decoder.stampBytes
        var buffer = ByteBuffer()
        while buffer.readableBytes < size, var more = try await body.next() { buffer.writeBuffer(&more) }
        peeked = buffer
        return buffer.getBytes(at: buffer.readerIndex + LogFrameDecoder.headerBytes, length: decoder.stampBytes)
    }

    /// Reads the next bytes into the cursor; false at the end.
    mutating func read(into cursor: inout LogCursor) async throws -> Bool {
        do {
            var next = peeked
            peeked = nil
            if next == nil { next = try await body.next() }
            guard let buffer = next else {
                try decoder.finish()
                return false
            }
            try decoder.decode(buffer.readableBytesView) { cursor.take($0, $1, $2, frame: $3) }
            return true
        } catch let failure as LogFrameDecoder.Failure {
            throw RuntimeError(
                .other,
                "the engine's log stream cannot be read: \(failure)",
                retryable: failure == .truncated
            )
        }
    }
}
