import PodlingProtocol

/// The facts that a worker sends to the master about its node, and its own limits.
package struct AgentConfiguration: Sendable, Equatable {
    package var nodeId: String
    /// Unique for every start of the process.
    package var instance: String
    /// Concurrent attempts at most.
    package var slots: Int
    /// Thousandths of one core that tasks may reserve.
    package var cpuMillis: Int
    package var memoryBytes: Int
    package var hostname: String
    package var engine: String
    package var version: String
    /// Why the engine cannot run tasks, as a registration reports it.
    var engineError: String?
    package var labels: [AgentLabel]
    /// Count of the masters to try in turn; the state machine needs no more of them.
    package var addressCount = 1
    /// On shutdown: stop running attempts, and hand them back to the master.
    package var stopsOnExit = false
    /// Ended containers kept for reading their output: their number, and for how long.
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

package struct AgentLabel: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Limits of `AgentCore`. Those of the protocol are in `Limits`.
package enum AgentLimits {
    /// An assignment that is neither running nor over by then is accepted, with a detail about its progress.
    package static let acceptDelayMilliseconds: Int64 = 500
    /// Silence after which a connection is closed, until the master has named its lease.
    package static let silenceMilliseconds: Int64 = 10_000
    /// A shorter heartbeat period from a master is raised to this.
    package static let heartbeatMillisecondsMin: Int64 = 50
    package static let reconnectMillisecondsMin: Int64 = 100
    package static let reconnectMillisecondsMax: Int64 = 5_000
    static let reconnect = Backoff(milliseconds: reconnectMillisecondsMin...reconnectMillisecondsMax)
    /// Delay after a permanent failure, which lasts until somebody changes something: no TLS, or no permission to work.
    package static let lastingFailureMilliseconds: Int64 = 30_000
    /// Permanent failures remembered, so that each is logged as a warning once.
    package static let toldFailuresMax = 64
    /// How long to wait for a greeting in silence before sending a ping.
    package static let prodMilliseconds: Int64 = 2_000
    /// Delay before a rejected request is repeated, where the master names none.
    package static let retryMilliseconds: Int64 = 1_000
    package static let retryMillisecondsMax: Int64 = 60_000
    /// Attempts at an engine call that fails transiently; the delays between them double.
    package static let stepTriesMax = 4
    package static let stepRetryMilliseconds: Int64 = 500
    package static let stepRetryMillisecondsMax: Int64 = 10_000
    static let stepRetry = Backoff(milliseconds: stepRetryMilliseconds...stepRetryMillisecondsMax)
    /// Calls of an attempt that find no engine, after which the engine counts as unavailable.
    package static let engineTriesMax = 2
    /// First interval between probes of an unavailable engine; it doubles.
    package static let probeMilliseconds: Int64 = 1_000
    package static let probeMillisecondsMax: Int64 = 30_000
    static let probe = Backoff(milliseconds: probeMilliseconds...probeMillisecondsMax)
    /// Ended attempts whose report is not acknowledged; beyond this, assignments are rejected.
    package static let unacknowledgedReportsMax = 4_096
    /// Attempts remembered after they are over, so that they cannot run again.
    package static let tombstonesMax = 4_096
    package static let logStreamsMax = 256
    /// Size limit of one attempt's output on the node's disk.
    package static let logBytesDefault = 512 << 20
    /// How long a shutdown waits for the master's acknowledgements, in addition to the grace of what it stops.
    package static let shutdownMilliseconds: Int64 = 8_000
}
