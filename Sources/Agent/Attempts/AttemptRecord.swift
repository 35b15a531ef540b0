/// One attempt that the master may still ask about: from its assignment until its end is acknowledged.
struct AttemptRecord {
    enum Stage: Equatable {
        /// Accepted; no engine call was made.
        case waiting
        case preparing
        case creating
        case starting
        case running
        case ended
    }

    /// The cause of a stop.
    enum StopCause: Equatable {
        /// The master cancelled it; reported as `cancelled`.
        case cancelled
        /// This worker shuts down and hands it back; not reported.
        case evicted
    }

    let key: AttemptKey
    /// nil for an attempt that was adopted after a restart.
    let plan: AttemptPlan?
    var stage: Stage
    /// Whether the engine call of `stage` is in flight.
    var isCallOpen = false
    var containerId: String?
    var startedAtMilliseconds: Int64?

    /// Set once its end is requested; with `graceSeconds`.
    var stopCause: StopCause?
    var graceSeconds = 0
    /// When the engine was first asked to stop it, in milliseconds since 1970: no signal was sent before.
    var stopSentAtMilliseconds: Int64?

    /// Failed attempts at the current step, and since when.
    var tries = 0
    var firstFailureAt: Int64?
    /// When to retry the step.
    var retryAt: Int64?
    /// When to retry a failed `stop`.
    var stopRetryAt: Int64?

    /// The latest report to the master, and whether it has been acknowledged as durable.
    var report: AttemptReport?
    var isAcknowledged = false
    /// The request that carries `report`, while its reply is awaited.
    var reportRequest: Int?
    /// When the report is sent again although the connection holds.
    var resendAt: Int64?
    /// When to accept an assignment that takes long to start.
    var acceptAt: Int64?
    /// Whether the master has rejected the report itself once.
    var wasReportRefused = false

    init(key: AttemptKey, plan: AttemptPlan?, stage: Stage = .waiting) {
        self.key = key
        self.plan = plan
        self.stage = stage
    }

    /// Whether it takes one of the slots.
    var isLive: Bool { stage != .ended }

    /// Whether its container runs, as far as is known.
    var isRunning: Bool { stage == .running }

    /// Whether its container runs or may have been started: no other node may have it until that is known.
    var mayHaveStarted: Bool {
        stage == .running || (stage == .starting && (isCallOpen || tries > 0))
    }

    var deadline: Int64? {
        var earliest: Int64?
        for time in [retryAt, stopRetryAt, resendAt, acceptAt] {
            guard let time else { continue }
            earliest = min(time, earliest ?? time)
        }
        return earliest
    }
}

/// An attempt whose end is acknowledged: its container is kept for a while for its output.
struct FinishedAttempt {
    var key: AttemptKey
    var containerId: String
    var removeAt: Int64
}
