import UnixSignals

/// Traps SIGINT and SIGTERM, and delivers them as a stream.
enum Interrupts {
    static func stream() async -> AsyncStream<Void> {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(2))
        let reader = Task {
            for await _ in signals { continuation.yield() }
            continuation.finish()
        }
        continuation.onTermination = { _ in reader.cancel() }
        return stream
    }
}
