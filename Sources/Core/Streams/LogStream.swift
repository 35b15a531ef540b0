import PodlingProtocol

/// A task's output in transit from its worker to one reader.
struct LogStream {
    enum Phase {
        /// The task has no attempt yet.
        case waiting
        case open
        /// The worker sent all output so far; the attempt has not ended.
        case drained
    }

    var session: SessionID
    /// The subscription number that the reader uses.
    var number: Int
    /// −1 if the master holds the task no longer.
    var slot: TaskSlot
    /// The task, where the master holds it no longer.
    var ended: EndedTask?
    var attempt = 0
    var selection: LogSelection
    var phase = Phase.waiting
    /// The session of the worker.
    var worker: SessionID?
    /// Bytes of output received from the worker, and how many of them were acknowledged to it as taken.
    var receivedBytes = 0
    var takenBytes = 0
    var droppedBytes = 0
    /// The worker reports missing output that it cannot count.
    var hasGap = false
    /// Monotonic milliseconds by which the worker must send more output, or the end; 0 means no deadline.
    var deadline: Int64 = 0
}

/// The part of the output that a reader requested.
struct LogSelection {
    /// A position in the output of one attempt; for any other attempt it means the beginning.
    struct Place {
        var attempt: Int?
        var stdoutBytes: Int
        var stderrBytes: Int
    }

    var tail: Int
    var follows: Bool
    /// Takes precedence over `tail`.
    var from: Place?

    init(_ root: JSONValue) throws(WireError) {
        tail =
            try root.optional("tail")?.integer("tail", in: 0...Limits.logTailBytesMax)
            ?? Limits.logTailBytesDefault
        follows = try root.optional("follow")?.flag("follow") ?? false
        guard let from = root.optional("from") else { return }
        guard from.isObject else { throw .field("from", "must be an object") }
        self.from = Place(
            attempt: try from.optional("attempt")?.integer("from.attempt", in: 1...Limits.attemptMax),
            stdoutBytes: try from.optional("stdout")?.integer("from.stdout", in: 0...Limits.logPositionMax) ?? 0,
            stderrBytes: try from.optional("stderr")?.integer("from.stderr", in: 0...Limits.logPositionMax) ?? 0
        )
    }
}
