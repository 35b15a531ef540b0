import NIOCore

/// The body of an engine's answer, read as fast as it is asked for. To be iterated once; whoever drops it closes the
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

    /// The whole of it.
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
