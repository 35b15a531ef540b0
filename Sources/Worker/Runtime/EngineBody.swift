import NIOCore

/// The body of an engine's response, read on demand (back-pressure). To be iterated once; dropping it closes the
/// connection.
struct EngineBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    typealias Failure = any Error

    let connection: EngineConnection
    let socketPath: String

    func makeAsyncIterator() -> Iterator { Iterator(connection: connection, socketPath: socketPath) }

    struct Iterator: AsyncIteratorProtocol {
        let connection: EngineConnection
        let socketPath: String

        func next() async throws -> ByteBuffer? {
            do {
                return try await connection.next()
            } catch {
                throw EngineHTTP.translated(error, socketPath: socketPath)
            }
        }
    }

    /// Reads the whole body.
    func collect(upTo bytesMax: Int) async throws -> ByteBuffer {
        var whole = ByteBuffer()
        for try await var piece in self {
            guard piece.readableBytes <= bytesMax - whole.readableBytes else {
                throw EngineHTTP.translated(EngineFault.answerTooLong(bytesMax: bytesMax), socketPath: socketPath)
            }
            whole.writeBuffer(&piece)
        }
        return whole
    }
}
