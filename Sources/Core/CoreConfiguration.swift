import PodlingAccess
import PodlingProtocol

/// The settings of an operator, and the values that distinguish one run of the master from another.
package struct CoreConfiguration: Sendable {
    /// `podling-master/VERSION`, as `hello` and `ping` report it.
    package var server: String
    /// The id of this run: cursors of another run are refused. 1 to 32 of `a-z 0-9`.
    package var epoch: String
    /// The first task's id; a later run must begin higher (`TaskID.base`).
    package var firstTaskID: TaskID
    package var heartbeatMilliseconds = Limits.heartbeatMillisecondsDefault
    package var leaseMilliseconds = Limits.leaseMillisecondsDefault
    package var acceptMilliseconds = Limits.acceptSeconds * 1_000
    /// How long an attempt may take from its assignment until it runs. A new `detail` restarts that time, up to
    /// `Limits.prepareFactorMax` times as long in all.
    package var prepareMilliseconds = Limits.prepareSecondsDefault * 1_000
    /// How long a node that rejected a task gets no other.
    package var rejectHoldMilliseconds = 1_000
    package var liveTasksMax = Limits.liveTasksMaxDefault
    /// The most bytes that all held tasks may take (`TaskRecord.byteCost`): above it terminal ones are evicted, and new
    /// ones refused.
    package var tasksBytesMax = Limits.tasksBytesMaxDefault
    /// The most distinct combinations of cpu, memory and node selector among live tasks.
    package var shapesMax = Limits.shapesMaxDefault
    /// The bounds of terminal tasks in memory, by number and by age; the oldest are evicted first.
    package var finishedTasksMax = 100_000
    package var finishedAgeMilliseconds = 24 * 3_600 * 1_000
    /// The most foreign ids known in one run, those of forgotten tasks included.
    package var foreignIDsMax = 4_000_000
    /// Whether the store answers `StoreQuery`, as it keeps more than the core does.
    package var asksStore = false
    /// Whether the store keeps each transition with its actor.
    package var isAudited = false
    /// Whether each peer must authenticate, and has the permissions of its role only.
    package var isAuthenticated = false
    /// The valid tokens at the start.
    package var tokens = TokenTable()
    package var eventsKeptMax = Limits.eventsKeptMax
    /// The most nodes known, offline ones included.
    package var nodesMax = 20_000
    /// An offline node is forgotten after this long, once no held task names it.
    package var nodeAgeMilliseconds = 3_600 * 1_000
    /// The most subscriptions of all connections together.
    package var subscriptionsMax = Limits.subscriptionsMax

    package init(server: String, epoch: String, firstTaskID: TaskID) {
        self.server = server
        self.epoch = epoch
        self.firstTaskID = firstTaskID
    }
}
