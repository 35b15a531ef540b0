/// Which part of a container's output to read.
public struct LogRequest: Sendable, Equatable {
    /// Go on until the container has ended.
    public var follow: Bool
    /// Begin with the last so many lines; nil begins with the first.
    public var tailLines: Int?

    public init(follow: Bool = false, tailLines: Int? = nil) {
        self.follow = follow
        self.tailLines = tailLines
    }
}

/// A piece of a container's output: bytes as written, cut anywhere, never empty.
public struct LogChunk: Sendable, Equatable {
    public enum Stream: String, Sendable {
        case stdout
        case stderr
    }

    public var stream: Stream
    public var bytes: [UInt8]

    public init(_ stream: Stream, _ bytes: [UInt8]) {
        self.stream = stream
        self.bytes = bytes
    }
}

/// A container's output, read as fast as its consumer asks for it. To be iterated once.
public struct LogStream: AsyncSequence, Sendable {
    public typealias Element = LogChunk
    public typealias Failure = any Error

    private let base: any AsyncSequence<LogChunk, any Error> & Sendable

    public init(_ base: any AsyncSequence<LogChunk, any Error> & Sendable) {
        self.base = base
    }

    public func makeAsyncIterator() -> Iterator {
        func open(_ sequence: some AsyncSequence<LogChunk, any Error>) -> Iterator {
            Iterator(base: sequence.makeAsyncIterator())
        }
        return open(base)
    }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var base: any AsyncIteratorProtocol<LogChunk, any Error>

        public mutating func next() async throws -> LogChunk? {
            try await next(isolation: nil)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> LogChunk? {
            try await base.next(isolation: actor)
        }
    }
}

extension ContainerRuntime {
    /// The last `bytesMax` bytes of the output so far, both streams counted together, in the order written.
    public func logTail(_ id: String, bytesMax: Int) async throws -> [LogChunk] {
        // A line is at least one byte long, so this many lines hold all that is wanted.
        var tail = LogTail(bytesMax: bytesMax)
        for try await chunk in try await logs(id, LogRequest(tailLines: Swift.max(1, bytesMax))) {
            tail.append(chunk)
        }
        return tail.chunks
    }
}

/// Keeps the end of a log within a bound.
public struct LogTail: Sendable {
    public let bytesMax: Int
    public private(set) var chunks: [LogChunk] = []
    /// Bytes that went by and are no longer kept.
    public private(set) var bytesDropped = 0
    private var bytesKept = 0

    public init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    public mutating func append(_ chunk: LogChunk) {
        bytesKept += chunk.bytes.count
        if let last = chunks.last, last.stream == chunk.stream, last.bytes.count < Self.mergeBytesMax {
            chunks[chunks.count - 1].bytes.append(contentsOf: chunk.bytes)
        } else {
            chunks.append(chunk)
        }
        trim()
    }

    /// Small pieces are joined up to about this size, so that a trim does not move many bytes.
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
