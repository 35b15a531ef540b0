import PodlingProtocol

/// What a worker tells the master about its node, and the bounds it keeps itself.
package struct AgentConfiguration: Sendable, Equatable {
    package var nodeId: String
    /// New at every start of the process.
    package var instance: String
    /// Attempts at a time.
    package var slots: Int
    /// Thousandths of one core that tasks may ask for.
    package var cpuMillis: Int
    package var memoryBytes: Int
    package var hostname: String
    package var engine: String
    package var version: String
    /// Why the engine runs nothing, as it is told at a registration.
    var engineError: String?
    package var labels: [AgentLabel]
    /// Masters to try, in turn; only their number matters to the state machine.
    package var addressCount = 1
    /// On shutdown: stop what runs, and hand it back to the master.
    package var stopsOnExit = false
    /// Ended containers kept for reading their output: so many, for so long.
    package var keepFinishedCount = 100
    package var keepFinishedSeconds = 3_600

    package init(
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
package struct AgentLabel: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// The bounds of `AgentCore`. Those of the protocol are in `Limits`.
package enum AgentLimits {
    /// An assignment that is neither running nor over by then is accepted with words about what is going on.
    package static let acceptDelayMilliseconds: Int64 = 500
    /// Silence after which a connection is given up, until the master has named its lease.
    package static let silenceMilliseconds: Int64 = 10_000
    /// A master that names a shorter period is not followed.
    package static let heartbeatMillisecondsMin: Int64 = 50
    package static let reconnectMillisecondsMin: Int64 = 100
    package static let reconnectMillisecondsMax: Int64 = 5_000
    static let reconnect = Backoff(milliseconds: reconnectMillisecondsMin...reconnectMillisecondsMax)
    /// Between tries that end alike until somebody changes something: no TLS to be had, or no leave to work here.
    package static let lastingFailureMilliseconds: Int64 = 30_000
    /// Such failures remembered, so that each is told once.
    package static let toldFailuresMax = 64
    /// How long a greeting is waited for in silence; then the master is asked whether it is there.
    package static let prodMilliseconds: Int64 = 2_000
    /// Until a refused request is made again, when the master names no time.
    package static let retryMilliseconds: Int64 = 1_000
    package static let retryMillisecondsMax: Int64 = 60_000
    /// Tries of an engine call that may succeed later; the delays between them double.
    package static let stepTriesMax = 4
    package static let stepRetryMilliseconds: Int64 = 500
    package static let stepRetryMillisecondsMax: Int64 = 10_000
    static let stepRetry = Backoff(milliseconds: stepRetryMilliseconds...stepRetryMillisecondsMax)
    /// Calls of an attempt that find no engine, after which the engine counts as away.
    package static let engineTriesMax = 2
    /// Between two looks at an engine that is away; doubles.
    package static let probeMilliseconds: Int64 = 1_000
    package static let probeMillisecondsMax: Int64 = 30_000
    static let probe = Backoff(milliseconds: probeMilliseconds...probeMillisecondsMax)
    /// Ended attempts whose report is not acknowledged; beyond it assignments are rejected.
    package static let unacknowledgedReportsMax = 4_096
    /// Attempts remembered after they are gone, so that they cannot run again.
    package static let tombstonesMax = 4_096
    package static let logStreamsMax = 256
    /// Output kept of one attempt on the node's disk.
    package static let logBytesDefault = 512 << 20
    /// How long a shutdown waits for the master's acknowledgements, beyond the grace of what it stops.
    package static let shutdownMilliseconds: Int64 = 8_000
}
