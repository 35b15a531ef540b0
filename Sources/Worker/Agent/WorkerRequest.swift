/// A line to the master.
public struct WorkerRequest: Sendable, Equatable {
    public enum Body: Sendable, Equatable {
        case hello(node: String, instance: String, agent: String)
        case ping
        case register(AgentConfiguration, attempts: [AttemptKey])
        case heartbeat
        /// One that says that the engine runs nothing, and why.
        case sickHeartbeat(engineError: String)
        case deregister
        case accept(AttemptKey)
        case reject(AttemptKey, error: String)
        case status(AttemptKey, AttemptReport)
        case logEnd(subscription: Int, LogEndReport)
    }

    /// nil where no answer is wanted.
    public var id: Int?
    public var body: Body

    public init(id: Int?, _ body: Body) {
        self.id = id
        self.body = body
    }
}

/// How the output of an attempt ended (proto-spec section 6.20).
public struct LogEndReport: Sendable, Equatable {
    /// Why it could not be had.
    public var error: String?
    /// Bytes that were written, and are kept no more.
    public var droppedBytes = 0
    /// More than those is missing.
    public var hasGap = false

    public init(error: String? = nil) { self.error = error }
}

/// How far an attempt is (proto-spec section 6.19). Times are milliseconds since 1970, UTC.
public struct AttemptReport: Sendable, Equatable {
    public enum Status: String, Sendable {
        case scheduled
        case running
        case completed
        case failed
        case cancelled
    }

    /// The reasons of proto-spec section 11 that a worker gives.
    public enum Reason: String, Sendable {
        case exitCode = "exit_code"
        case oomKilled = "oom_killed"
        case imagePull = "image_pull"
        case startFailed = "start_failed"
        case runtimeError = "runtime_error"
    }

    public var status: Status
    public var containerId: String?
    public var exitCode: Int?
    public var reason: Reason?
    public var error: String?
    public var detail: String?
    public var startedAtMilliseconds: Int64?
    public var finishedAtMilliseconds: Int64?
    /// It was told to end, and had ended by itself before it was sent a signal.
    public var isBeforeSignal = false

    public init(
        _ status: Status,
        containerId: String? = nil,
        exitCode: Int? = nil,
        reason: Reason? = nil,
        error: String? = nil,
        detail: String? = nil,
        startedAtMilliseconds: Int64? = nil,
        finishedAtMilliseconds: Int64? = nil
    ) {
        self.status = status
        self.containerId = containerId
        self.exitCode = exitCode
        self.reason = reason
        self.error = error
        self.detail = detail
        self.startedAtMilliseconds = startedAtMilliseconds
        self.finishedAtMilliseconds = finishedAtMilliseconds
    }

    public var isTerminal: Bool {
        switch status {
        case .scheduled, .running: false
        case .completed, .failed, .cancelled: true
        }
    }
}
