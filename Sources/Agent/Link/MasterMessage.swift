import PodlingProtocol

/// A line from the master, as far as a worker cares.
package enum MasterMessage: Sendable, Equatable {
    /// The greeting; the range of versions the master speaks.
    case hello(versions: ClosedRange<Int>)
    /// The greeting of one that does not lead; HOST:PORT of the one that does, where it is known.
    case standby(leader: String?)
    case reply(id: Int?, MasterReply)
    /// An `error` event: something we sent was no request at all.
    case error(MasterFault)
    /// The master goes down; come back after a time in this range.
    case drain(reconnectMilliseconds: ClosedRange<Int64>)
    case assign(AttemptKey, AttemptPlan)
    /// An assignment whose spec this worker does not understand, and why.
    case assignRefused(AttemptKey, String)
    case cancel(AttemptKey, graceSeconds: Int)
    case kill(AttemptKey, code: String)
    case quiet(Bool)
    /// Another instance tried to register this node.
    case conflict(String)
    case replaced
    case logs(LogRequestFromMaster)
    case logsStop(subscription: Int)
    /// So many bytes of output have been taken by its reader since the beginning.
    case logsTaken(subscription: Int, bytes: Int)
    /// An event that this version does not know, or that is not for workers.
    case ignored
}

/// What a request came to.
package enum MasterReply: Sendable, Equatable {
    case ok(MasterOrders)
    case failed(MasterFault)
}

/// The members that replies to `register` and `heartbeat` have.
package struct MasterOrders: Sendable, Equatable {
    package var leaseMilliseconds: Int64?
    package var heartbeatMilliseconds: Int64?
    package var isQuiet = false
    package var kill: [KillOrder] = []
    /// Attempts that the master believed here; it places them anew.
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

    /// Kill, then report `cancelled` (proto-spec section 6.15).
    var wantsReport: Bool { code == "cancelled" }
}

extension MasterFault {
    func means(_ code: ErrorCode) -> Bool { self.code == code.rawValue }
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
