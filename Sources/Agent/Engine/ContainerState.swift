/// The end of a container. Times are milliseconds since 1970, UTC.
package struct ExitStatus: Sendable, Equatable {
    /// The exit code of a process that SIGKILL ended.
    package static let killed = 137

    /// 128 + signal where a signal ended it.
    package var exitCode: Int
    /// Whether the kernel killed it because it exceeded its memory limit.
    package var oomKilled: Bool
    package var startedAtMilliseconds: Int64?
    package var finishedAtMilliseconds: Int64?
    /// The engine's message in addition to the code, such as a command that was not found.
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

/// A container that was found again by its labels.
package struct AdoptedContainer: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        /// Never started: either `start` it or remove it.
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
