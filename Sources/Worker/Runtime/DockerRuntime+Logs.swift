import NIOCore
import NIOHTTP1

extension DockerRuntime {
    public func logs(_ id: String, _ request: LogRequest) async throws -> LogStream {
        let profile = try await profile()
        let path = "/containers/\(try checkedId(id))/logs"
        let response = try await http.open(
            .GET,
            profile.flavour.prefix(profile.apiVersion, path: path) + path,
            query: [
                ("stdout", "true"), ("stderr", "true"), ("follow", "\(request.follow)"),
                ("tail", profile.flavour.tailParameter(request.tailLines)),
            ],
            headSeconds: Self.callSeconds
        )
        guard response.status == 200 else {
            throw failure(try await response.reply(deadlineSeconds: Self.callSeconds), "logs")
        }
        return LogStream(FrameSequence(body: response.body))
    }
}

/// The chunks of a framed response body.
private struct FrameSequence: AsyncSequence, Sendable {
    typealias Element = LogChunk
    typealias Failure = any Error

    let body: EngineBody

    func makeAsyncIterator() -> Iterator { Iterator(body: body.makeAsyncIterator()) }

    struct Iterator: AsyncIteratorProtocol {
        let body: EngineBody.Iterator
        private var decoder = LogFrameDecoder()
        private var ready: [LogChunk] = []
        private var position = 0

        init(body: EngineBody.Iterator) { self.body = body }

        mutating func next() async throws -> LogChunk? {
            while position == ready.count {
                ready.removeAll(keepingCapacity: true)
                position = 0
                do {
                    guard let buffer = try await body.next() else {
                        try decoder.finish()
                        return nil
                    }
                    try decoder.decode(buffer.readableBytesView, into: &ready)
                } catch let failure as LogFrameDecoder.Failure {
                    throw RuntimeError(.other, "the engine's log stream cannot be read: \(failure)", retryable: true)
                }
            }
            defer { position += 1 }
            return ready[position]
        }
    }
}
