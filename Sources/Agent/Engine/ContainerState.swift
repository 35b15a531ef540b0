/// How a container ended. Times are milliseconds since 1970, UTC.
package struct ExitStatus: Sendable, Equatable {
    /// The code of a process that SIGKILL ended.
    package static let killed = 137

    /// 128 + signal where a signal ended it.
    package var exitCode: Int
    /// The kernel ended it because it passed its memory limit.
    package var oomKilled: Bool
    package var startedAtMilliseconds: Int64?
    package var finishedAtMilliseconds: Int64?
    /// What the engine has to say beyond the code (command not found, for one).
    package var message: String?

    package init(
        exitCode: Int,
        oomKilled: Bool = false,
        startedAtMilliseconds: Int64? = nil,
        finishedAtMilliseconds: Int64? = nil,
        message: String? = nil
    ) {
        self.exitCode = exitCode
        self.oomKilled = oomKilled
        self.startedAtMilliseconds = startedAtMilliseconds
        self.finishedAtMilliseconds = finishedAtMilliseconds
        self.message = message
    }
}

/// A container found again by its labels.
package struct AdoptedContainer: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        /// Never started: `start` it or remove it.
        case created
        case running
        case exited(ExitStatus)
    }

    package var id: String
    package var key: AttemptKey
    package var state: State

    package init(id: String, key: AttemptKey, state: State) {
        self.id = id
        self.key = key
        self.state = state
    }
}
