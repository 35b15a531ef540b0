import PodlingAgent
import Synchronization

/// The part of a container's output to read.
package struct LogRequest: Sendable, Equatable {
    package enum Start: Sendable, Equatable {
        /// The bytes from a position on; those that are kept no longer are counted.
        case from(LogPosition)
        /// The last bytes of what is there, at most this many, both streams counted together.
        case tail(bytes: Int)
    }

    /// Whether to continue until the container has ended.
    package var follow: Bool
    package var start: Start

    package init(follow: Bool = false, start: Start = .from(LogPosition())) {
        self.follow = follow
        self.start = start
    }
}

/// A container's output, read on demand (back-pressure). To be iterated once.
package struct LogStream: AsyncSequence, Sendable {
    package typealias Element = LogChunk
    package typealias Failure = any Error

    private let base: any AsyncSequence<LogChunk, any Error> & Sendable
    package let progress: LogProgress

    package init(_ base: any AsyncSequence<LogChunk, any Error> & Sendable, progress: LogProgress = LogProgress()) {
        self.base = base
        self.progress = progress
    }

    package func makeAsyncIterator() -> Iterator {
        func open(_ sequence: some AsyncSequence<LogChunk, any Error>) -> Iterator {
            Iterator(base: sequence.makeAsyncIterator())
        }
        return open(base)
    }

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate var base: any AsyncIteratorProtocol<LogChunk, any Error>

        package mutating func next() async throws -> LogChunk? {
            try await next(isolation: nil)
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws -> LogChunk? {
            try await base.next(isolation: actor)
        }
    }
}

/// Whether more output is expected, however long nothing has come.
package final class LogProgress: Sendable {
    private let state = Mutex(false)

    package init() {}

    package var isBusy: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// Keeps the end of a log within a size limit.
package struct LogTail: Sendable {
    package let bytesMax: Int
    package private(set) var chunks: [LogChunk] = []
    /// Bytes that were dropped from the front.
    package private(set) var bytesDropped = 0
    private var bytesKept = 0

    package init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// Whether it is at its limit, or has exceeded it.
    var isFull: Bool { bytesKept >= bytesMax }

    package mutating func append(_ chunk: LogChunk) {
        bytesKept += chunk.bytes.count
        if let last = chunks.last, last.stream == chunk.stream, last.bytes.count < Self.mergeBytesMax {
            chunks[chunks.count - 1].bytes.append(contentsOf: chunk.bytes)
        } else {
            chunks.append(chunk)
        }
        trim()
    }

    /// Small chunks are merged up to about this size, so that a trim does not move many bytes.
    private static let mergeBytesMax = 4_096

    private mutating func trim() {
        var whole = 0
        while whole < chunks.count, bytesKept - chunks[whole].bytes.count >= bytesMax {
            bytesKept -= chunks[whole].bytes.count
            bytesDropped += chunks[whole].bytes.count
            whole += 1
        }
        chunks.removeFirst(whole)
        let excess = bytesKept - bytesMax
        guard excess > 0, !chunks.isEmpty else { return }
        chunks[0].bytes.removeFirst(excess)
        bytesKept -= excess
        bytesDropped += excess
    }
}
