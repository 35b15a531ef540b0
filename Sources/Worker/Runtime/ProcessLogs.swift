import Glibc
import PodlingAgent

extension ProcessAttempt {
    /// Frees the disk space before the last `bytesMax` bytes. Offsets stay, so readers are not affected.
    func trimLogs(bytesMax: Int) {
        for stream in LogChunk.Stream.allCases {
            let log = open(file(stream.rawValue), O_WRONLY | O_CLOEXEC)
            guard log >= 0 else { continue }
            defer { close(log) }
            let excess = lseek(log, 0, SEEK_END) - bytesMax
            // At most half more than the bound is on disk, so that the hole grows in large steps.
            guard excess > bytesMax / 2 else { continue }
            // The task appends, so truncation is safe where the file system does not support holes.
            if !punchHole(log, bytes: excess) { ftruncate(log, 0) }
        }
    }
}

/// Calls fallocate(2) with FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE, a GNU extension that the C module does not
/// expose: it is looked up by name.
private func punchHole(_ file: Int32, bytes: Int) -> Bool {
    typealias Fallocate = @convention(c) (Int32, Int32, off_t, off_t) -> Int32
    guard let symbol = dlsym(nil, "fallocate") else { return false }
    return unsafeBitCast(symbol, to: Fallocate.self)(file, 0x01 | 0x02, 0, off_t(bytes)) == 0
}

/// The two output files of an attempt. Order is kept within a stream, not between them.
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
            sources = LogChunk.Stream.allCases.map { stream in
                Source(stream: stream, path: sequence.attempt.file(stream.rawValue), bytesMax: sequence.bytesMax)
            }
            switch sequence.request.start {
            case .from(let position): for index in sources.indices { sources[index].begin(at: position) }
            case .tail(let bytes):
                // Which stream was written last is unknown: each gets half, and what the other leaves.
                let stderrBytes = Swift.min(sources[1].sizeBytes, bytes / 2)
                let stdoutBytes = sources[0].begin(tailBytes: bytes - stderrBytes)
                _ = sources[1].begin(tailBytes: bytes - stdoutBytes)
            }
        }

        mutating func next() async throws -> LogChunk? {
            while true {
                try Task.checkCancellation()
                // Checked before reading, so that output written after the last read cannot be missed.
                let isLast = try !sequence.request.follow || sequence.hasEnded()
                for index in sources.indices {
                    if let chunk = sources[index].read() {
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

    /// One output file and the read position.
    private struct Source {
        let stream: LogChunk.Stream
        let path: String
        let bytesMax: Int
        private var offset = 0

        init(stream: LogChunk.Stream, path: String, bytesMax: Int) {
            self.stream = stream
            self.path = path
            self.bytesMax = bytesMax
        }

        var sizeBytes: Int {
            var status = stat()
            return stat(path, &status) == 0 ? Int(status.st_size) : 0
        }

        mutating func begin(at position: LogPosition) { offset = position[stream] }

        /// - Returns: the count of bytes.
        mutating func begin(tailBytes: Int) -> Int {
            let size = sizeBytes
            let kept = Swift.min(tailBytes, size, bytesMax)
            offset = size - kept
            return kept
        }

        mutating func read() -> LogChunk? {
            let log = open(path, O_RDONLY | O_CLOEXEC)
            guard log >= 0 else { return nil }
            defer { close(log) }
            var bytes = [UInt8](repeating: 0, count: chunkBytes)
            let count = pread(log, &bytes, bytes.count, off_t(offset))
            // Checked after reading: bytes that were trimmed meanwhile were read as zeros.
            let size = Int(lseek(log, 0, SEEK_END))
            if size < offset { return emptied() }
            guard count > 0 else { return nil }
            let kept = size - bytesMax
            if offset < kept {
                defer { offset = kept }
                return LogChunk(stream, [], loss: .bytes(kept - offset))
            }
            offset += count
            bytes.removeLast(bytes.count - count)
            return LogChunk(stream, bytes)
        }

        /// Handles a truncated file, on a file system without holes: all of it was lost.
        private mutating func emptied() -> LogChunk {
            offset = 0
            return LogChunk(stream, [], loss: .unknown)
        }
    }
}
