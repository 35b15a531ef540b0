import Synchronization

/// Which part of a container's output to read.
public struct LogRequest: Sendable, Equatable {
    public enum Start: Sendable, Equatable {
        /// The bytes from there on; what is kept no more is counted.
        case from(LogPosition)
        /// The last so many bytes of what is there, both streams counted together.
        case tail(bytes: Int)
    }

    /// Go on until the container has ended.
    public var follow: Bool
    public var start: Start

    public init(follow: Bool = false, start: Start = .from(LogPosition())) {
        self.follow = follow
        self.start = start
    }
}

/// A place in a container's output: bytes of each stream before it.
public struct LogPosition: Sendable, Hashable {
    public var stdoutBytes: Int
    public var stderrBytes: Int

    public init(stdoutBytes: Int = 0, stderrBytes: Int = 0) {
        self.stdoutBytes = stdoutBytes
        self.stderrBytes = stderrBytes
    }

    subscript(stream: LogChunk.Stream) -> Int {
        get { stream == .stdout ? stdoutBytes : stderrBytes }
        set { if stream == .stdout { stdoutBytes = newValue } else { stderrBytes = newValue } }
    }
}

/// A piece of a container's output: bytes as written, cut anywhere; empty where it only tells of a loss.
public struct LogChunk: Sendable, Equatable {
    public enum Stream: String, Sendable, CaseIterable {
        case stdout
        case stderr
    }

    /// What is missing before a piece: it was written, and is kept no more.
    public enum Loss: Sendable, Equatable {
        case none
        case bytes(Int)
        /// The engine keeps no account of what its log has lost.
        case unknown
    }

    public var stream: Stream
    public var bytes: [UInt8]
    public var loss = Loss.none

    public init(_ stream: Stream, _ bytes: [UInt8], loss: Loss = .none) {
        self.stream = stream
        self.bytes = bytes
        self.loss = loss
    }
}

/// A container's output, read as fast as its consumer asks for it. To be iterated once.
public struct LogStream: AsyncSequence, Sendable {
    public typealias Element = LogChunk
    public typealias Failure = any Error

    private let base: any AsyncSequence<LogChunk, any Error> & Sendable
    public let progress: LogProgress

    public init(_ base: any AsyncSequence<LogChunk, any Error> & Sendable, progress: LogProgress = LogProgress()) {
        self.base = base
        self.progress = progress
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

/// Whether more output is on its way, however long nothing of it has come.
public final class LogProgress: Sendable {
    private let state = Mutex(false)

    public init() {}

    public var isBusy: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
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

    /// It holds as much as it may, or has held more.
    var isFull: Bool { bytesKept >= bytesMax }

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
