import PodlingProtocol

/// One transition of a task as a store keeps it.
public struct TaskEventRow: Sendable, Equatable {
    /// Transitions are numbered without gaps, from run to run.
    public var number: Int
    public var taskID: String
    public var attempt: Int
    public var nodeID: String?
    /// Milliseconds since 1970.
    public var at: Int64
    /// nil for a new task.
    public var from: TaskStatus?
    public var to: TaskStatus
    public var reason: TaskReason
    /// Who caused it: `master`, `node ID` or `client HOST:PORT`.
    public var actor: String

    public init(
        number: Int,
        taskID: String,
        attempt: Int,
        nodeID: String?,
        at: Int64,
        from: TaskStatus?,
        to: TaskStatus,
        reason: TaskReason,
        actor: String
    ) {
        self.number = number
        self.taskID = taskID
        self.attempt = attempt
        self.nodeID = nodeID
        self.at = at
        self.from = from
        self.to = to
        self.reason = reason
        self.actor = actor
    }
}

/// How far the transitions of earlier runs are known.
public struct EventTrail: Sendable, Equatable {
    /// The epochs of the runs whose transitions are all kept, up to now: their cursors are good still.
    public var runs: [String]
    /// The number that was given last; 0 means none.
    public var lastNumber: Int

    public init(runs: [String], lastNumber: Int) {
        self.runs = runs
        self.lastNumber = lastNumber
    }
}
