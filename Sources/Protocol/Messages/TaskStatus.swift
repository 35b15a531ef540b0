/// The status of a task (proto-spec.md, section 11), in the order of an attempt's life.
public enum TaskStatus: UInt8, Sendable, CaseIterable {
    /// It waits for a node.
    case pending
    /// A node has it, and it does not run yet.
    case scheduled
    /// It runs.
    case running
    /// It ended with exit code 0.
    case completed
    /// It ended otherwise, or cannot run; the reason says which.
    case failed
    /// It was cancelled.
    case cancelled

    /// Whether the status is terminal: such a task never changes.
    public var isTerminal: Bool { self.rawValue >= TaskStatus.completed.rawValue }

    /// `1 << rawValue` of each terminal status.
    package static let endedBits = allCases.filter(\.isTerminal).reduce(UInt8(0)) { $0 | 1 << $1.rawValue }

    /// The name in the protocol.
    public var name: StaticString {
        switch self {
        case .pending: "pending"
        case .scheduled: "scheduled"
        case .running: "running"
        case .completed: "completed"
        case .failed: "failed"
        case .cancelled: "cancelled"
        }
    }

    /// The status that a string of the protocol names; nil for any other value.
    public init?(_ value: JSONValue) {
        guard let match = Self.allCases.first(where: { value.stringEquals($0.name) }) else { return nil }
        self = match
    }

    /// The status of this name in the protocol; nil where there is none.
    public init?(_ name: String) {
        guard let match = Self.allCases.first(where: { $0.name.description == name }) else { return nil }
        self = match
    }
}

/// The reason for a task's status (proto-spec.md, section 11).
public enum TaskReason: UInt8, Sendable, CaseIterable {
    /// The status needs no reason: the member is absent.
    case none
    /// It ended with an exit code other than 0.
    case exitCode
    /// The engine killed it for memory.
    case oomKilled
    /// It ran longer than `timeoutSeconds`.
    case timedOut
    /// The image could not be pulled.
    case imagePull
    /// The engine could not create or start it, or no worker could.
    case startFailed
    /// The engine lost it, or the worker could not tell how it ended.
    case runtimeError
    /// Too many workers rejected it.
    case rejected
    /// The node's lease ended.
    case nodeLost
    /// `maxAttempts` attempts were lost with their nodes.
    case lostTooOften
    /// The worker did not answer the assignment.
    case notAccepted
    /// It was cancelled.
    case cancelled
    /// It was not `running` within the time for that.
    case prepareTimedOut

    /// The name in the protocol.
    public var name: StaticString {
        switch self {
        case .none: "none"
        case .exitCode: "exit_code"
        case .oomKilled: "oom_killed"
        case .timedOut: "timed_out"
        case .imagePull: "image_pull"
        case .startFailed: "start_failed"
        case .runtimeError: "runtime_error"
        case .rejected: "rejected"
        case .nodeLost: "node_lost"
        case .lostTooOften: "lost_too_often"
        case .notAccepted: "not_accepted"
        case .cancelled: "cancelled"
        case .prepareTimedOut: "prepare_timed_out"
        }
    }

    /// The reason that a string of the protocol names; nil for any other value, and for `none`.
    public init?(_ value: JSONValue) {
        guard let match = Self.allCases.first(where: { value.stringEquals($0.name) }), match != .none else {
            return nil
        }
        self = match
    }

    /// Whether a worker may give this reason with `failed`.
    public var isWorkerFailure: Bool {
        switch self {
        case .exitCode, .oomKilled, .timedOut, .imagePull, .startFailed, .runtimeError: true
        case .none, .rejected, .nodeLost, .lostTooOften, .notAccepted, .cancelled, .prepareTimedOut: false
        }
    }
}

/// What happens to a task when its node's lease ends.
package enum NodeLostPolicy: UInt8, Sendable, CaseIterable {
    case requeue, fail, keep

    package var name: StaticString {
        switch self {
        case .requeue: "requeue"
        case .fail: "fail"
        case .keep: "keep"
        }
    }
}
