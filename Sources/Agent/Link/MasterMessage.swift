import PodlingProtocol

/// A line from the master, as far as a worker uses it.
package enum MasterMessage: Sendable, Equatable {
    /// The greeting of a leader; the range of versions that the master speaks.
    case hello(versions: ClosedRange<Int>)
    /// The greeting of a standby; HOST:PORT of the leader, where it is known.
    case standby(leader: String?)
    case reply(id: Int?, MasterReply)
    /// An `error` event: a line that this side sent was not a request.
    case error(MasterFault)
    /// The master shuts down; reconnect after a time in this range.
    case drain(reconnectMilliseconds: ClosedRange<Int64>)
    case assign(AttemptKey, AttemptPlan)
    /// An assignment whose spec this worker rejects, and why.
    case assignRejected(AttemptKey, String)
    case cancel(AttemptKey, graceSeconds: Int)
    case kill(AttemptKey, code: String)
    case quiet(Bool)
    /// Another instance tried to register this node.
    case conflict(String)
    case replaced
    case logs(LogRequestFromMaster)
    case logsStop(subscription: Int)
    /// Acknowledges output: the reader has taken this many bytes since the beginning.
    case logsTaken(subscription: Int, bytes: Int)
    /// An event that this version does not know, or that is not for workers.
    case ignored
}

/// The reply to a request.
package enum MasterReply: Sendable, Equatable {
    case ok(MasterOrders)
    case failed(MasterFault)
}

/// The members common to the replies to `register` and `heartbeat`.
package struct MasterOrders: Sendable, Equatable {
    package var leaseMilliseconds: Int64?
    package var heartbeatMilliseconds: Int64?
    package var isQuiet = false
    package var kill: [KillOrder] = []
    /// Attempts that the master believed to be here; it places them again.
    package var lost: [AttemptKey] = []

    package init() {}
}

/// One entry of a `kill` list.
package struct KillOrder: Sendable, Equatable {
    package var key: AttemptKey
    package var code: String

    package init(_ key: AttemptKey, code: String) {
        self.key = key
        self.code = code
    }

    /// Whether to report `cancelled` after the kill (proto-spec section 6.15).
    var wantsReport: Bool { code == "cancelled" }
}

extension MasterFault {
    package func means(_ code: ErrorCode) -> Bool { self.code == code.rawValue }
}

/// The `err` object (proto-spec section 4).
package struct MasterFault: Sendable, Equatable {
    package var code: String
    package var message: String
    package var isRetryable: Bool
    package var retryAfterMilliseconds: Int64?

    package init(
        code: String,
        message: String = "",
        isRetryable: Bool = false,
        retryAfterMilliseconds: Int64? = nil
    ) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }
}
