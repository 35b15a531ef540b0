import PodlingAccess
import PodlingProtocol

/// The settings of an operator, and the values that distinguish one run of the master from another.
public struct CoreConfiguration: Sendable {
    /// `podling-master/VERSION`, as `hello` and `ping` report it.
    public var server: String
    /// The id of this run: cursors of another run are rejected. 1 to 32 of `a-z 0-9`.
    public var epoch: String
    /// The first task's id; a later run must begin higher (`TaskID.base`).
    public var firstTaskID: TaskID
    public var heartbeatMilliseconds = Limits.heartbeatMillisecondsDefault
    public var leaseMilliseconds = Limits.leaseMillisecondsDefault
    public var acceptMilliseconds = Limits.acceptSeconds * 1_000
    /// How long an attempt may take from its assignment until it runs. A new `detail` restarts that time, up to
    /// `Limits.prepareFactorMax` times as long in all.
    public var prepareMilliseconds = Limits.prepareSecondsDefault * 1_000
    /// How long a node that rejected a task gets no other.
    public var rejectHoldMilliseconds = 1_000
    public var liveTasksMax = Limits.liveTasksMaxDefault
    /// The most bytes that all held tasks may take (`TaskRecord.byteCost`): above it terminal ones are evicted, and new
    /// ones rejected.
    public var tasksBytesMax = Limits.tasksBytesMaxDefault
    /// The most distinct combinations of cpu, memory and node selector among live tasks.
    public var shapesMax = Limits.shapesMaxDefault
    /// The bounds of terminal tasks in memory, by number and by age; the oldest are evicted first.
    public var finishedTasksMax = 100_000
    public var finishedAgeMilliseconds = 24 * 3_600 * 1_000
    /// The most foreign ids known in one run, those of forgotten tasks included.
    public var foreignIDsMax = 4_000_000
    /// Whether the store answers `StoreQuery`, as it keeps more than the core does.
    public var asksStore = false
    /// Whether the store keeps each transition with its actor.
    public var isAudited = false
    /// Whether each peer must authenticate, and has the permissions of its role only.
    public var isAuthenticated = false
    /// The valid tokens at the start.
    public var tokens = TokenTable()
    public var eventsKeptMax = Limits.eventsKeptMax
    /// The most nodes known, offline ones included.
    public var nodesMax = 20_000
    /// An offline node is forgotten after this long, once no held task names it.
    public var nodeAgeMilliseconds = 3_600 * 1_000
    /// The most subscriptions of all connections together.
    public var subscriptionsMax = Limits.subscriptionsMax

    public init(server: String, epoch: String, firstTaskID: TaskID) {
        self.server = server
        self.epoch = epoch
        self.firstTaskID = firstTaskID
    }
}
