import PodlingProtocol

/// One transition of a task, as a store keeps it.
public struct TaskEventRow: Sendable, Equatable {
    /// The event number; transitions are numbered without gaps, across runs.
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
    /// The actor that caused it: `master`, `node ID` or `client HOST:PORT`.
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

/// The known extent of the transitions of earlier runs.
public struct EventTrail: Sendable, Equatable {
    /// The epochs of the runs whose transitions are all kept up to now: their cursors are still valid.
    public var runs: [String]
    /// The last number in use; 0 means none.
    public var lastNumber: Int

    public init(runs: [String], lastNumber: Int) {
        self.runs = runs
        self.lastNumber = lastNumber
    }
}
