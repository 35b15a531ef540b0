import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    /// The response to HEAD, with the length that GET's would have, found by producing it (RFC 9110, section 8.6).
    ///
    /// Without a length the server would frame the missing body as chunks, and the peer would take their end for the
    /// next response.
    func withoutBody() async throws -> Response {
        var head = createHeadResponse()
        guard body.contentLength == nil else { return head }
        let writer = LengthWriter()
        try await body.write(writer)
        head.headers[.contentLength] = String(writer.length)
        return head
    }
}

/// A body writer that only counts bytes.
private final class LengthWriter: ResponseBodyWriter {
    private(set) var length = 0

    func write(_ buffer: ByteBuffer) async throws { length += buffer.readableBytes }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
