/// The state of an attempt (proto-spec section 6.19). Times are milliseconds since 1970, UTC.
package struct AttemptReport: Sendable, Equatable {
    package enum Status: String, Sendable {
        case scheduled
        case running
        case completed
        case failed
        case cancelled
    }

    /// The reasons of proto-spec section 11 that a worker may give.
    package enum Reason: String, Sendable {
        case exitCode = "exit_code"
        case oomKilled = "oom_killed"
        case imagePull = "image_pull"
        case startFailed = "start_failed"
        case runtimeError = "runtime_error"
    }

    package var status: Status
    package var containerId: String?
    package var exitCode: Int?
    package var reason: Reason?
    package var error: String?
    package var detail: String?
    package var startedAtMilliseconds: Int64?
    package var finishedAtMilliseconds: Int64?
    /// Whether it was asked to end, but had ended by itself before a signal was sent.
    package var isBeforeSignal = false

    package init(
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

    package var isTerminal: Bool {
        switch status {
        case .scheduled, .running: false
        case .completed, .failed, .cancelled: true
        }
    }
}
