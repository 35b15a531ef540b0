import PodlingProtocol

/// A line from the master, as far as a worker cares.
public enum MasterMessage: Sendable, Equatable {
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
public enum MasterReply: Sendable, Equatable {
    case ok(MasterOrders)
    case failed(MasterFault)
}

/// The members that replies to `register` and `heartbeat` have.
public struct MasterOrders: Sendable, Equatable {
    public var leaseMilliseconds: Int64?
    public var heartbeatMilliseconds: Int64?
    public var isQuiet = false
    public var kill: [KillOrder] = []
    /// Attempts that the master believed here; it places them anew.
    public var lost: [AttemptKey] = []

    public init() {}
}

/// One entry of a `kill` list.
public struct KillOrder: Sendable, Equatable {
    public var key: AttemptKey
    public var code: String

    public init(_ key: AttemptKey, code: String) {
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
public struct MasterFault: Sendable, Equatable {
    public var code: String
    public var message: String
    public var isRetryable: Bool
    public var retryAfterMilliseconds: Int64?

    public init(
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

/// A `logs` event: output of an attempt is wanted.
public struct LogRequestFromMaster: Sendable, Equatable {
    public var subscription: Int
    public var key: AttemptKey
    public var tailBytes: Int
    public var follows: Bool
    /// Goes before `tailBytes`.
    public var from: LogPosition?
    /// Bytes of output that may be sent ahead of what is taken; nil is no bound.
    public var windowBytes: Int?

    public init(
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

/// What an assignment asks for.
public struct AttemptPlan: Sendable, Equatable {
    public var container: ContainerSpec
    public var pullPolicy: PullPolicy

    public init(container: ContainerSpec, pullPolicy: PullPolicy = .missing) {
        self.container = container
        self.pullPolicy = pullPolicy
    }
}
