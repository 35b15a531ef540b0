/// One attempt that the master may still ask about: from its assignment until its end is acknowledged.
struct AttemptRecord {
    enum Stage: Equatable {
        /// Accepted; nothing was asked of the engine.
        case waiting
        case preparing
        case creating
        case starting
        case running
        case ended
    }

    /// Why it is being stopped.
    enum StopCause: Equatable {
        /// The master wants it to end; reported as `cancelled`.
        case cancelled
        /// This worker goes away and hands it back; not reported.
        case evicted
    }

    let key: AttemptKey
    /// nil for one that was found again after a restart.
    let plan: AttemptPlan?
    var stage: Stage
    /// The engine call of `stage` has not been answered yet.
    var isCallOpen = false
    var containerId: String?
    var startedAtMilliseconds: Int64?

    /// Set once its end is wanted; with `graceSeconds`.
    var stopCause: StopCause?
    var graceSeconds = 0
    /// When the engine was first asked to stop it, in milliseconds since 1970: nothing was signalled before.
    var stopSentAtMilliseconds: Int64?

    /// Failed tries of the step it is at, and since when.
    var tries = 0
    var firstFailureAt: Int64?
    /// When the step may be tried again.
    var retryAt: Int64?
    /// When a failed `stop` is tried again.
    var stopRetryAt: Int64?

    /// The newest thing to tell the master, and whether it has said that it is durable.
    var report: AttemptReport?
    var isAcknowledged = false
    /// The request that carries `report`, while its answer is awaited.
    var reportRequest: Int?
    /// When the report is sent again although the connection holds.
    var resendAt: Int64?
    /// When an assignment that takes its time is accepted.
    var acceptAt: Int64?
    /// The master refused the report itself once.
    var wasReportRefused = false

    init(key: AttemptKey, plan: AttemptPlan?, stage: Stage = .waiting) {
        self.key = key
        self.plan = plan
        self.stage = stage
    }

    /// It takes one of the slots.
    var isLive: Bool { stage != .ended }

    /// It has a container that runs, as far as is known.
    var isRunning: Bool { stage == .running }

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
