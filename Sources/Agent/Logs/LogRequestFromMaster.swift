/// A `logs` event: output of an attempt is wanted.
package struct LogRequestFromMaster: Sendable, Equatable {
    package var subscription: Int
    package var key: AttemptKey
    package var tailBytes: Int
    package var follows: Bool
    /// Goes before `tailBytes`.
    package var from: LogPosition?
    /// Bytes of output that may be sent ahead of what is taken; nil is no bound.
    package var windowBytes: Int?

    package init(
        subscription: Int,
        key: AttemptKey,
        tailBytes: Int,
        follows: Bool,
        from: LogPosition? = nil,
        windowBytes: Int? = nil
    ) {
        self.subscription = subscription
        self.key = key
        self.tailBytes = tailBytes
        self.follows = follows
        self.from = from
        self.windowBytes = windowBytes
    }
}
