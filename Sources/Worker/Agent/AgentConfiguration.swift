/// What a worker tells the master about its node, and the bounds it keeps itself.
public struct AgentConfiguration: Sendable, Equatable {
    public var nodeId: String
    /// New at every start of the process.
    public var instance: String
    /// Attempts at a time.
    public var slots: Int
    /// Thousandths of one core that tasks may ask for.
    public var cpuMillis: Int
    public var memoryBytes: Int
    public var hostname: String
    public var engine: String
    public var version: String
    /// Why the engine runs nothing, as it is told at a registration.
    var engineError: String?
    public var labels: [AgentLabel]
    /// Masters to try, in turn; only their number matters to the state machine.
    public var addressCount = 1
    /// On shutdown: stop what runs, and hand it back to the master.
    public var stopsOnExit = false
    /// Ended containers kept for reading their output: so many, for so long.
    public var keepFinishedCount = 100
    public var keepFinishedSeconds = 3_600

    public init(
        nodeId: String,
        instance: String,
        slots: Int,
        cpuMillis: Int,
        memoryBytes: Int,
        hostname: String = "",
        engine: String = "",
        version: String = "",
        labels: [AgentLabel] = []
    ) {
        self.nodeId = nodeId
        self.instance = instance
        self.slots = slots
        self.cpuMillis = cpuMillis
        self.memoryBytes = memoryBytes
        self.hostname = hostname
        self.engine = engine
        self.version = version
        self.labels = labels
    }
}

/// A label of the node.
public struct AgentLabel: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// The bounds of `AgentCore`. Those of the protocol are in `Limits`.
public enum AgentLimits {
    /// An assignment that is neither running nor over by then is accepted with words about what is going on.
    public static let acceptDelayMilliseconds: Int64 = 500
    /// Silence after which a connection is given up, until the master has named its lease.
    public static let silenceMilliseconds: Int64 = 10_000
    /// A master that names a shorter period is not followed.
    public static let heartbeatMillisecondsMin: Int64 = 50
    public static let reconnectMillisecondsMin: Int64 = 100
    public static let reconnectMillisecondsMax: Int64 = 5_000
    /// Between tries that end alike until somebody changes something: no TLS to be had, or no leave to work here.
    public static let lastingFailureMilliseconds: Int64 = 30_000
    /// Such failures remembered, so that each is told once.
    public static let toldFailuresMax = 64
    /// How long a greeting is waited for in silence; then the master is asked whether it is there.
    public static let prodMilliseconds: Int64 = 2_000
    /// Until a refused request is made again, when the master names no time.
    public static let retryMilliseconds: Int64 = 1_000
    public static let retryMillisecondsMax: Int64 = 60_000
    /// Tries of an engine call that may succeed later; the delays between them double.
    public static let stepTriesMax = 4
    public static let stepRetryMilliseconds: Int64 = 500
    public static let stepRetryMillisecondsMax: Int64 = 10_000
    /// Calls of an attempt that find no engine, after which the engine counts as away.
    public static let engineTriesMax = 2
    /// Between two looks at an engine that is away; doubles.
    public static let probeMilliseconds: Int64 = 1_000
    public static let probeMillisecondsMax: Int64 = 30_000
    /// Ended attempts whose report is not acknowledged; beyond it assignments are rejected.
    public static let unacknowledgedReportsMax = 4_096
    /// Attempts remembered after they are gone, so that they cannot run again.
    public static let tombstonesMax = 4_096
    public static let logStreamsMax = 256
    /// Output kept of one attempt on the node's disk.
    public static let logBytesDefault = 512 << 20
    /// How long a shutdown waits for the master's acknowledgements, beyond the grace of what it stops.
    public static let shutdownMilliseconds: Int64 = 8_000
}
