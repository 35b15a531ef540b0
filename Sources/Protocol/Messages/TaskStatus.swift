/// The status of a task (proto-spec.md, section 11), in the order of an attempt's life.
public enum TaskStatus: UInt8, Sendable, CaseIterable {
    case pending, scheduled, running, completed, failed, cancelled

    /// Whether the status is terminal: such a task never changes.
    public var isTerminal: Bool { self.rawValue >= TaskStatus.completed.rawValue }

    /// `1 << rawValue` of each terminal status.
    package static let endedBits = allCases.filter(\.isTerminal).reduce(UInt8(0)) { $0 | 1 << $1.rawValue }

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

    public init?(_ value: JSONValue) {
        guard let match = Self.allCases.first(where: { value.stringEquals($0.name) }) else { return nil }
        self = match
    }

    public init?(_ name: String) {
        guard let match = Self.allCases.first(where: { $0.name.description == name }) else { return nil }
        self = match
    }
}

/// The reason for a task's status (proto-spec.md, section 11).
public enum TaskReason: UInt8, Sendable, CaseIterable {
    case none, exitCode, oomKilled, timedOut, imagePull, startFailed, runtimeError, rejected, nodeLost, lostTooOften
    case notAccepted, cancelled, prepareTimedOut

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
