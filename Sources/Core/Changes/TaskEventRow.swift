import PodlingProtocol

/// One transition of a task, as a store keeps it.
package struct TaskEventRow: Sendable, Equatable {
    /// The event number; transitions are numbered without gaps, across runs.
    package var number: Int
    package var taskID: String
    package var attempt: Int
    package var nodeID: String?
    /// Milliseconds since 1970.
    package var at: Int64
    /// nil for a new task.
    package var from: TaskStatus?
    package var to: TaskStatus
    package var reason: TaskReason
    /// The actor that caused it: `master`, `node ID` or `client HOST:PORT`.
    package var actor: String

    package init(
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
package struct EventTrail: Sendable, Equatable {
    /// The epochs of the runs whose transitions are all kept up to now: their cursors are still valid.
    package var runs: [String]
    /// The last number in use; 0 means none.
    package var lastNumber: Int

    package init(runs: [String], lastNumber: Int) {
        self.runs = runs
        self.lastNumber = lastNumber
    }
}
