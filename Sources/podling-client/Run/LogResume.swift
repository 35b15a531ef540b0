import PodlingClient

/// Finds, after a lost connection, where in the output that is sent again the part begins that was not printed yet.
///
/// It counts what was printed of each stream. That is exact while all output of the attempt was seen and still fits
/// what may be asked for; the last bytes printed are compared to be sure.
struct LogResume {
    /// What may be asked for at most (proto-spec section 9).
    static let tailBytesMax = 1_048_576
    private static let comparedBytesMax = 256

    private struct Stream {
        var printedBytes = 0
        var lastPrinted: [UInt8] = []
        var bytesToSkip = 0
        var lastSkipped: [UInt8] = []
    }

    private let firstTailBytes: Int
    private var attempt: Int?
    private var streams: [LogStreamName: Stream] = [:]
    /// Set where output may be missing or printed twice; for the caller to tell and to clear.
    var isDoubtful = false

    init(tailBytes: Int) {
        firstTailBytes = tailBytes
    }

    /// What to ask for now.
    var tailBytes: Int {
        guard printedBytes > 0 else { return firstTailBytes }
        return hasSeenAll ? Self.tailBytesMax : 0
    }

    private var printedBytes: Int { streams.values.reduce(0) { $0 + $1.printedBytes } }

    /// Less came than was asked for at first, so it began at the beginning.
    private var hasSeenAll: Bool { printedBytes < firstTailBytes }

    /// The subscription was answered.
    mutating func begin(attempt: Int) {
        guard attempt == self.attempt, printedBytes > 0 else {
            self.attempt = attempt
            streams = [:]
            return
        }
        let sendsAgain = hasSeenAll
        if !sendsAgain { isDoubtful = true }
        streams = streams.mapValues { stream in
            var stream = stream
            stream.bytesToSkip = sendsAgain ? stream.printedBytes : 0
            stream.lastSkipped = []
            return stream
        }
    }

    /// - Returns: the part of `bytes` that is new.
    mutating func append(_ name: LogStreamName, _ bytes: [UInt8]) -> ArraySlice<UInt8> {
        var stream = streams[name] ?? Stream()
        defer { streams[name] = stream }
        let skipped = bytes.prefix(stream.bytesToSkip)
        if !skipped.isEmpty {
            stream.bytesToSkip -= skipped.count
            stream.lastSkipped = Array((stream.lastSkipped + skipped).suffix(Self.comparedBytesMax))
            if stream.bytesToSkip == 0, stream.lastSkipped != stream.lastPrinted { isDoubtful = true }
        }
        let fresh = bytes[skipped.endIndex...]
        stream.printedBytes += fresh.count
        stream.lastPrinted = Array((stream.lastPrinted + fresh).suffix(Self.comparedBytesMax))
        return fresh
    }

    /// The attempt's output has ended.
    mutating func end() {
        if streams.values.contains(where: { $0.bytesToSkip > 0 }) { isDoubtful = true }
    }
}
