#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension ProcessAttempt {
    static let logStreams: [LogChunk.Stream] = [.stdout, .stderr]

    /// Gives the disk back what lies before the last `bytesMax` bytes. Offsets stay, so readers need not know.
    func trimLogs(bytesMax: Int) {
        for stream in Self.logStreams {
            let log = open(file(stream.rawValue), O_WRONLY | O_CLOEXEC)
            guard log >= 0 else { continue }
            defer { close(log) }
            let excess = lseek(log, 0, SEEK_END) - bytesMax
            // Twice the bound on disk at most, so that the hole grows in large steps.
            guard excess > bytesMax / 2 else { continue }
            // The task appends, so emptying is safe where the file system knows no holes.
            if !punchHole(log, bytes: excess) { ftruncate(log, 0) }
        }
    }
}

/// fallocate(2) with FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE. A GNU extension that the C module does not show, so
/// it is looked up by name.
private func punchHole(_ file: Int32, bytes: Int) -> Bool {
    typealias Fallocate = @convention(c) (Int32, Int32, off_t, off_t) -> Int32
    guard let symbol = dlsym(nil, "fallocate") else { return false }
    return unsafeBitCast(symbol, to: Fallocate.self)(file, 0x01 | 0x02, 0, off_t(bytes)) == 0
}

/// The two output files of an attempt. The order between the streams is not kept, that within one is.
struct ProcessLogSequence: AsyncSequence, Sendable {
    typealias Element = LogChunk
    typealias Failure = any Error

    static let chunkBytes = 32 << 10

    let attempt: ProcessAttempt
    let request: LogRequest
    let bytesMax: Int
    let hasEnded: @Sendable () throws -> Bool

    func makeAsyncIterator() -> Iterator {
        Iterator(sequence: self)
    }

    struct Iterator: AsyncIteratorProtocol {
        private let sequence: ProcessLogSequence
        private var sources: [Source]
        private var pauseMilliseconds = 10

        init(sequence: ProcessLogSequence) {
            self.sequence = sequence
            sources = ProcessAttempt.logStreams.map { Source(stream: $0) }
        }

        mutating func next() async throws -> LogChunk? {
            while true {
                try Task.checkCancellation()
                // Asked before reading: what is written after the last read cannot be missed.
                let isLast = try !sequence.request.follow || sequence.hasEnded()
                for index in sources.indices {
                    if let chunk = sources[index].read(sequence) {
                        pauseMilliseconds = 10
                        return chunk
                    }
                }
                if isLast { return nil }
                try await Task.sleep(for: .milliseconds(pauseMilliseconds))
                pauseMilliseconds = Swift.min(250, pauseMilliseconds * 2)
            }
        }
    }

    /// One file and how far it was read.
    private struct Source {
        let stream: LogChunk.Stream
        var offset: Int?

        init(stream: LogChunk.Stream) {
            self.stream = stream
        }

        mutating func read(_ sequence: ProcessLogSequence) -> LogChunk? {
            let log = open(sequence.attempt.file(stream.rawValue), O_RDONLY | O_CLOEXEC)
            guard log >= 0 else { return nil }
            defer { close(log) }
            let size = lseek(log, 0, SEEK_END)
            var start = offset ?? Self.begin(log, size: size, tailLines: sequence.request.tailLines)
            // What was trimmed is a hole now; a file that shrank was emptied.
            start = start > size ? 0 : Swift.max(start, size - sequence.bytesMax)
            offset = start
            var bytes = [UInt8](repeating: 0, count: Swift.min(chunkBytes, size - start))
            let count = bytes.isEmpty ? 0 : pread(log, &bytes, bytes.count, start)
            guard count > 0 else { return nil }
            offset = start + count
            bytes.removeLast(bytes.count - count)
            return LogChunk(stream, bytes)
        }

        /// Where the last so many lines begin, found backwards.
        private static func begin(_ log: Int32, size: Int, tailLines: Int?) -> Int {
            guard var lines = tailLines else { return 0 }
            var end = size
            var block = [UInt8](repeating: 0, count: chunkBytes)
            while end > 0 {
                let start = Swift.max(0, end - chunkBytes)
                guard pread(log, &block, end - start, start) == end - start else { return start }
                for index in stride(from: end - start - 1, through: 0, by: -1)
                where block[index] == UInt8(ascii: "\n") && start + index != size - 1 {
                    lines -= 1
                    if lines <= 0 { return start + index + 1 }
                }
                end = start
            }
            return 0
        }
    }
}
