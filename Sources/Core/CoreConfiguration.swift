import PodlingAccess
import PodlingProtocol

/// What an operator can set, and what makes one run of the master different from another.
public struct CoreConfiguration: Sendable {
    /// `podling-master/VERSION`, as `hello` and `ping` tell it.
    public var server: String
    /// Names this run: cursors of another run are refused. 1 to 32 of `a-z 0-9`.
    public var epoch: String
    /// The first task's id; a later run must begin higher (`TaskID.base`).
    public var firstTaskID: TaskID
    public var heartbeatMilliseconds = Limits.heartbeatMillisecondsDefault
    public var leaseMilliseconds = Limits.leaseMillisecondsDefault
    public var acceptMilliseconds = Limits.acceptSeconds * 1_000
    /// How long an attempt may take from its assignment until it runs. What is new of it (`detail`) begins that anew, up to
    /// `Limits.prepareFactorMax` times as long.
    public var prepareMilliseconds = Limits.prepareSecondsDefault * 1_000
    /// A node that rejected a task gets nothing for this long.
    public var rejectHoldMilliseconds = 1_000
    public var liveTasksMax = Limits.liveTasksMaxDefault
    /// Bytes that all tasks held may take (`TaskRecord.byteCost`): above it ended ones go, and no more are taken.
    public var tasksBytesMax = Limits.tasksBytesMaxDefault
    /// Different sets of cpu, memory and node selector among live tasks.
    public var shapesMax = Limits.shapesMaxDefault
    /// Ended tasks kept, by number and by age; the oldest go first.
    public var finishedTasksMax = 100_000
    public var finishedAgeMilliseconds = 24 * 3_600 * 1_000
    /// Ids of other systems known in one run, those of tasks that are gone too.
    public var foreignIDsMax = 4_000_000
    /// The store answers `StoreQuery`: it keeps more than the core does.
    public var asksStore = false
    /// The store keeps each transition, with who caused it.
    public var isAudited = false
    /// Each peer is to show who it is, and may do what its role may.
    public var isAuthenticated = false
    /// Whose tokens are good at first.
    public var tokens = TokenTable()
    public var eventsKeptMax = Limits.eventsKeptMax
    /// Nodes known, away ones included.
    public var nodesMax = 20_000
    /// A node that is away is forgotten after this long, once no kept task names it.
    public var nodeAgeMilliseconds = 3_600 * 1_000
    /// Subscriptions of all connections together.
    public var subscriptionsMax = Limits.subscriptionsMax

    public init(server: String, epoch: String, firstTaskID: TaskID) {
        self.server = server
        self.epoch = epoch
        self.firstTaskID = firstTaskID
    }
}
