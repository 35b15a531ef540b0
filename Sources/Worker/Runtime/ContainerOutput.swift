import PodlingAgent
import PodlingProtocol

/// A container's output, assembled from as many readings of the engine's log as necessary.
struct ContainerOutput: AsyncSequence, Sendable {
    typealias Element = LogChunk
    typealias Failure = any Error

    let runtime: DockerRuntime
    let id: String
    let flavour: EngineFlavour
    let request: LogRequest
    let progress: LogProgress

    func makeAsyncIterator() -> Iterator { Iterator(output: self) }

    struct Iterator: AsyncIteratorProtocol {
        private enum Phase {
            /// Searches for the last bytes.
            case tail(LogTail, lines: Int?)
            case following
            /// Reads the log of a container that has ended, or of one that is not followed.
            case rest
            case over
        }

        /// Consecutive failures after which a log counts as unreadable: with the delays between them, more than a
        /// minute.
        private static let failuresMax = 20
        /// First estimate of a line's length, to convert bytes to a number of lines.
        private static let lineBytes = 64
        private static let linesMin = 64
        private static let linesFactor = 4
        private static let linesMax = 1 << 24
        /// Lines from the end in which the line read last is searched for; beyond the bound the whole log is read.
        private static let restLinesFirst = 1 << 10
        private static let restLinesMax = 1 << 17

        private let output: ContainerOutput
        private var phase: Phase
        private var cursor = LogCursor()
        private var frames: LogFrames?
        private var ready: [LogChunk] = []
        private var position = 0
        private var failures = 0
        private var backoff = DockerRuntime.waitBackoff
        private var pollBegan = ContinuousClock.now
        /// Polling interval of a log in which nothing is new.
        private static let pollQuietMax = Duration.milliseconds(500)
        private static let pollPauseMax = Duration.seconds(20)
        /// A delay, or a reading, so long that the reader would take it for the end.
        private static let pollLong = Duration.seconds(1)

        init(output: ContainerOutput) {
            self.output = output
            switch output.request.start {
            case .from(let start):
                cursor = LogCursor(start: start)
                phase = output.request.follow ? .following : .rest
            case .tail(let bytes):
                let lines = Swift.max(bytes / Self.lineBytes, Self.linesMin)
                phase = .tail(LogTail(bytesMax: bytes), lines: output.flavour.findsLinesFromTheEnd ? lines : nil)
            }
        }

        mutating func next() async throws -> LogChunk? {
            while position == ready.count {
                try Task.checkCancellation()
                (ready, position) = ([], 0)
                switch phase {
                case .tail(let tail, let lines): try await readTail(tail, lines)
                case .following: try await follow()
                case .rest: try await readRest()
                case .over: return nil
                }
            }
            defer { position += 1 }
            return ready[position]
        }

        /// Requests more and more lines until they have the wanted bytes, or are all there are.
        private mutating func readTail(_ wanted: LogTail, _ lines: Int?) async throws {
            output.progress.isBusy = true
            var tail = wanted
            var open = try await take(follow: false, lines: lines)
            let hasMore = try await open.read(into: &cursor)
            let chunks = cursor.takeReady()
            for chunk in chunks { tail.append(chunk) }
            guard hasMore else {
                frames = nil
                if let lines, open.decoder.frameCount >= lines, !tail.isFull, lines < Self.linesMax {
                    cursor = LogCursor()
                    phase = .tail(LogTail(bytesMax: tail.bytesMax), lines: lines * Self.linesFactor)
                    return
                }
                if lines != nil { cursor.endTail() }
                cursor.reopen()
                ready = tail.chunks
                output.progress.isBusy = false
                phase = output.request.follow ? .following : .over
                return
            }
            frames = open
            phase = .tail(tail, lines: lines)
        }

        private mutating func take(follow: Bool, lines: Int? = nil) async throws -> LogFrames {
            if let frames { return frames }
            if !follow, lines == nil, let overlap = try await overlapFromTheEnd() { return overlap }
            let since = cursor.earliestStamp.flatMap { EngineTime.seconds($0) }
            return try await output.runtime.openLog(
                output.id,
                output.flavour,
                follow: follow,
                tailLines: lines,
                since: lines == nil ? since.map { $0 - output.flavour.logDisorderSeconds } : nil
            )
        }

        /// Opens the log from a line on that was read; nil where there is none, or where it is far from the end. An
        /// engine takes long to skip a long log, and sends nothing meanwhile.
        private func overlapFromTheEnd() async throws -> LogFrames? {
            guard output.flavour.findsLinesFromTheEnd, let known = cursor.earliestStamp else { return nil }
            var lines = Self.restLinesFirst
            while lines <= Self.restLinesMax {
                var open = try await output.runtime.openLog(output.id, output.flavour, follow: false, tailLines: lines)
                if let first = try await open.peekStamp(), first.lexicographicallyPrecedes(known) { return open }
                lines *= Self.linesFactor * 2
            }
            return nil
        }

        private mutating func follow() async throws {
            guard output.flavour.followsFaithfully else { return try await poll() }
            do {
                var open = try await take(follow: true)
                if try await open.read(into: &cursor) {
                    frames = open
                    ready = cursor.takeReady()
                    if !ready.isEmpty { noteProgress() }
                    return
                }
            } catch let error as RuntimeError {
                try noteFailure(error)
            }
            // The stream is complete, or was cut off.
            frames = nil
            ready = cursor.takeReady()
            cursor.reopen()
            do {
                if try await output.runtime.inspect(output.id).State.hasEnded {
                    phase = .rest
                    return
                }
            } catch let error as RuntimeError {
                try noteFailure(error)
            }
            try await pause()
        }

        /// Reads the log as it is, except for the last line: it may be half written. It is delivered if it is still the
        /// last at the next poll.
        private mutating func poll() async throws {
            do {
                if frames == nil {
                    if try await output.runtime.inspect(output.id).State.hasEnded {
                        cursor.release()
                        phase = .rest
                        return
                    }
                    pollBegan = .now
                    cursor.holdsLast = true
                }
                guard try await !readOn() else { return }
                if let due = cursor.releaseIfSame() { ready.append(due) }
                cursor.reopen()
                guard ready.isEmpty else { return }
                // Reading a long log takes long: limit that to a fifth of the time.
                let quiet = Swift.min(nextDelay(), Self.pollQuietMax)
                let pause = Swift.max(quiet, pollBegan.duration(to: .now) * 4)
                // The container may end meanwhile, which is not noticed at once.
                output.progress.isBusy = pause > Self.pollLong
                try await Task.sleep(for: Swift.min(pause, Self.pollPauseMax))
            } catch let error as RuntimeError {
                cursor.release()
                try await readAgainLater(error)
            }
        }

        private mutating func readRest() async throws {
            output.progress.isBusy = true
            do {
                guard try await !readOn() else { return }
                if cursor.isBehind { ready.append(LogChunk(.stdout, [], loss: .unknown)) }
                phase = .over
            } catch let error as RuntimeError {
                try await readAgainLater(error)
            }
        }

        /// Reads the next bytes of the log as it is.
        /// - Returns: false at its end.
        private mutating func readOn() async throws -> Bool {
            var open = try await take(follow: false)
            let hasMore = try await open.read(into: &cursor)
            frames = hasMore ? open : nil
            ready = cursor.takeReady()
            if !ready.isEmpty { noteProgress() }
            return hasMore
        }

        /// Closes the log after a failure; it is opened again after a pause, where it was read to.
        private mutating func readAgainLater(_ error: RuntimeError) async throws {
            try noteFailure(error)
            frames = nil
            ready = cursor.takeReady()
            cursor.reopen()
            try await pause()
        }

        private mutating func noteProgress() {
            failures = 0
            backoff.reset()
        }

        private mutating func nextDelay() -> Duration {
            .milliseconds(backoff.nextMilliseconds(jitter: .random(in: 0..<1)))
        }

        private mutating func pause() async throws { try await Task.sleep(for: nextDelay()) }

        /// Waits for an unavailable engine, up to a bound.
        private mutating func noteFailure(_ error: RuntimeError) throws {
            failures += 1
            guard error.isRetryable, failures <= Self.failuresMax else { throw error }
        }
    }
}
