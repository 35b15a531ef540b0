import PodlingProtocol

/// A task's output on its way from its worker to one reader.
struct LogStream {
    enum Phase {
        /// There is no attempt yet.
        case waiting
        case open
        /// The worker sent all; the attempt has not ended.
        case drained
    }

    var session: SessionID
    /// The number its reader knows it by.
    var number: Int
    /// −1 where the master holds the task no more.
    var slot: TaskSlot
    /// That task then.
    var ended: EndedTask?
    var attempt = 0
    var wish: LogWish
    var phase = Phase.waiting
    /// The worker's connection.
    var worker: SessionID?
    /// Bytes of output that came from the worker, and of those, how many it was told are taken.
    var receivedBytes = 0
    var takenBytes = 0
    var droppedBytes = 0
    /// The worker says that more is missing than it can count.
    var hasGap = false
    /// Monotonic milliseconds by which the worker must send more, or the end; 0 means none.
    var deadline: Int64 = 0
}

/// Which output a reader wants.
struct LogWish {
    /// A place in the output of one attempt; it is the beginning of every other.
    struct Place {
        var attempt: Int?
        var stdoutBytes: Int
        var stderrBytes: Int
    }

    var tail: Int
    var follows: Bool
    /// Goes before `tail`.
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
