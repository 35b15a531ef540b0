/// The changes of one turn, which must be durable before the turn's effects leave. What a store loads has the same
/// form.
package struct StoreBatch: Sendable {
    /// One row per task, in its latest version.
    package var tasks: [TaskRow] = []
    /// The core has forgotten the tasks that ended by then (or were imported by then, if that is later), in
    /// milliseconds since 1970; 0 means none. A task whose end was reported late may still be held, and does not change
    /// any more.
    package var forgottenUpTo: Int64 = 0
    /// One row per node, in its latest version; it takes precedence over the same node in `removedNodeIDs`.
    package var nodes: [NodeRow] = []
    /// Nodes that were forgotten.
    package var removedNodeIDs: [String] = []
    /// Transitions by number, if the store keeps them.
    package var events: [TaskEventRow] = []
    /// The epoch of a new run that keeps its transitions.
    package var newRun: String?
    /// Tasks whose last versions the store refused earlier.
    package var retried: [TaskID] = []
    /// In a loaded batch: how the numbering of transitions continues.
    package var trail: EventTrail?

    /// In a loaded batch: the highest of our own ids that any stored task has, those included that are not loaded.
    package var lastTaskID: TaskID?

    package init(tasks: [TaskRow] = []) { self.tasks = tasks }
}
