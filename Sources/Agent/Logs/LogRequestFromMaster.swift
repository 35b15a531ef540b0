/// A `logs` event: the master requests output of an attempt.
package struct LogRequestFromMaster: Sendable, Equatable {
    package var subscription: Int
    package var key: AttemptKey
    package var tailBytes: Int
    package var follows: Bool
    /// Has precedence over `tailBytes`.
    package var from: LogPosition?
    /// Flow-control window: bytes that may be sent ahead of what is acknowledged; nil is no bound.
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
