/// What changed in a turn. It must be durable before the turn's effects leave. What a store loads has the same shape.
public struct StoreBatch: Sendable {
    /// One row a task, its latest version.
    public var tasks: [TaskRow] = []
    /// The core has forgotten the tasks that ended by then (or were imported by then, if that is later), in milliseconds
    /// since 1970; 0 is none. One whose end was reported late may be held still, and does not change any more.
    public var forgottenUpTo: Int64 = 0
    /// One row a node, its latest version; it counts more than the same node among `removedNodeIDs`.
    public var nodes: [NodeRow] = []
    /// Nodes that are forgotten.
    public var removedNodeIDs: [String] = []
    /// Transitions by number, where they are kept.
    public var events: [TaskEventRow] = []
    /// The epoch of a run that begins, and keeps its transitions.
    public var newRun: String?
    /// Tasks whose last versions the store has refused before.
    public var retried: [TaskID] = []
    /// Of what is loaded: how the transitions go on.
    public var trail: EventTrail?

    public init(tasks: [TaskRow] = []) { self.tasks = tasks }
}
