import PodlingAgent

/// A reader's position in a container's output, across any number of readings of the engine's log: passes on what is
/// new, and reports where something is missing.
///
/// It counts the bytes of each stream. Where the engine gives each line a timestamp (Docker; Podman's are too coarse),
/// it finds the last line read by that, from the middle of the log too, and after the log has lost its beginning.
struct LogCursor: Sendable {
    private struct Place: Sendable {
        /// Bytes passed on, and those before the start.
        var bytes = 0
        /// The timestamp of the last line read, and the count of bytes with that timestamp.
        var stamp: [UInt8] = []
        var stampedBytes = 0
        /// Whether `stamp` is that of the other stream, which was read from its middle on.
        var isGuess = false

        // The state since the log was opened:
        /// Whether everything that follows is new.
        var isOpen = true
        var goesByTime = false
        var bytesToSkip = 0
        var stampedBytesSeen = 0
    }

    private var stdout = Place()
    private var stderr = Place()
    /// Whether the last line is held back: it may be half written.
    var holdsLast = false
    private var held: Held?
    /// What was held back at the end of the previous reading.
    private var heldBefore: Held?

    private struct Held: Sendable, Equatable {
        var frame: Int
        var stream: LogChunk.Stream
        var stamp: [UInt8]
        var bytes: [UInt8]
    }

    /// New chunks, with neighbours of one stream joined.
    private var ready: [LogChunk] = []

    /// - Parameter start: output before it is skipped.
    init(start: LogPosition = LogPosition()) {
        stdout.bytes = start.stdoutBytes
        stderr.bytes = start.stderrBytes
        reopen()
    }

    private subscript(stream: LogChunk.Stream) -> Place {
        get { stream == .stdout ? stdout : stderr }
        _modify { if stream == .stdout { yield &stdout } else { yield &stderr } }
    }

    /// Prepares for a new reading, from the log's beginning or from before `earliestStamp`.
    mutating func reopen() {
        for stream in LogChunk.Stream.allCases {
            // Timestamps seen while it counted bytes belong to a position that it had not reached.
            if !self[stream].isOpen, !self[stream].goesByTime { self[stream].stamp = [] }
            let hasStamp = !self[stream].stamp.isEmpty
            self[stream].goesByTime = hasStamp
            self[stream].bytesToSkip = hasStamp ? 0 : self[stream].bytes
            self[stream].stampedBytesSeen = 0
            self[stream].isOpen = !hasStamp && self[stream].bytes == 0
        }
    }

    /// The earliest timestamp that must be read again; nil needs the whole log.
    var earliestStamp: [UInt8]? {
        guard LogChunk.Stream.allCases.allSatisfy({ self[$0].goesByTime || self[$0].bytes == 0 }) else { return nil }
        let stamps = LogChunk.Stream.allCases.map { self[$0].stamp }.filter { !$0.isEmpty }
        return stamps.min { $0.lexicographicallyPrecedes($1) }
    }

    /// Ends a reading from the middle of the log: a stream without a line there continues after the last line.
    mutating func endTail() {
        let last = [stdout.stamp, stderr.stamp].max { $0.lexicographicallyPrecedes($1) } ?? []
        for stream in LogChunk.Stream.allCases where self[stream].stamp.isEmpty {
            self[stream].stamp = last
            self[stream].isGuess = true
        }
    }

    /// Whether a complete reading gave less than was read before: the log has lost some.
    var isBehind: Bool {
        LogChunk.Stream.allCases.contains { self[$0].bytesToSkip > 0 }
    }

    mutating func takeReady() -> [LogChunk] {
        defer { ready = [] }
        return ready
    }

    /// - Parameters:
    ///   - stamp: the timestamp of the line that `piece` belongs to; empty where there is none.
    ///   - frame: the line's number in this reading.
    mutating func take<Piece: Collection<UInt8>>(
        _ stream: LogChunk.Stream,
        _ stamp: [UInt8],
        _ piece: Piece,
        frame: Int = 0
    ) {
        guard holdsLast else { return pass(stream, stamp, piece) }
        if held?.frame == frame {
            held?.bytes.append(contentsOf: piece)
            return
        }
        if let last = held { pass(last.stream, last.stamp, last.bytes) }
        held = Held(frame: frame, stream: stream, stamp: stamp, bytes: Array(piece))
    }

    private mutating func pass<Piece: Collection<UInt8>>(_ stream: LogChunk.Stream, _ stamp: [UInt8], _ piece: Piece) {
        let place = self[stream]
        if place.isOpen {
            append(stream, stamp, piece)
        } else if !place.goesByTime {
            let skipped = min(place.bytesToSkip, piece.count)
            self[stream].bytesToSkip -= skipped
            note(stream, stamp, skipped)
            if self[stream].bytesToSkip == 0 { open(stream, stamp, piece.dropFirst(skipped)) }
        } else if stamp == place.stamp {
            let skipped = min(place.stampedBytes - place.stampedBytesSeen, piece.count)
            self[stream].stampedBytesSeen += skipped
            if skipped < piece.count { open(stream, stamp, piece.dropFirst(skipped)) }
        } else if stamp.lexicographicallyPrecedes(place.stamp) {
            return
        } else {
            // The line read last should have come before.
            let isWhole = place.isGuess || place.stampedBytesSeen == place.stampedBytes
            open(stream, stamp, piece, isWhole ? .none : .unknown)
        }
    }

    private mutating func open<Piece: Collection<UInt8>>(
        _ stream: LogChunk.Stream,
        _ stamp: [UInt8],
        _ piece: Piece,
        _ loss: LogChunk.Loss = .none
    ) {
        self[stream].isOpen = true
        if !piece.isEmpty { append(stream, stamp, piece, loss) }
    }

    /// Drops what is held back; it will be read again.
    mutating func release() {
        holdsLast = false
        held = nil
        heldBefore = nil
    }

    /// Ends a reading: returns the last line if it was also the last of the previous reading.
    mutating func releaseIfSame() -> LogChunk? {
        defer { held = nil }
        guard let held, var before = heldBefore else {
            heldBefore = held
            return nil
        }
        // The two readings began in different places.
        before.frame = held.frame
        guard held == before else {
            heldBefore = held
            return nil
        }
        heldBefore = nil
        let waiting = ready
        ready = []
        pass(held.stream, held.stamp, held.bytes)
        defer { ready = waiting }
        return ready.first
    }

    private mutating func append<Piece: Collection<UInt8>>(
        _ stream: LogChunk.Stream,
        _ stamp: [UInt8],
        _ piece: Piece,
        _ loss: LogChunk.Loss = .none
    ) {
        self[stream].bytes += piece.count
        note(stream, stamp, piece.count)
        let last = ready.count - 1
        if loss == .none, last >= 0, ready[last].stream == stream {
            ready[last].bytes.append(contentsOf: piece)
        } else {
            ready.append(LogChunk(stream, Array(piece), loss: loss))
        }
    }

    private mutating func note(_ stream: LogChunk.Stream, _ stamp: [UInt8], _ count: Int) {
        guard !stamp.isEmpty else { return }
        if self[stream].stamp == stamp {
            self[stream].stampedBytes += count
        } else {
            self[stream].stamp = stamp
            self[stream].stampedBytes = count
            self[stream].isGuess = false
        }
    }
}
