import OrderedCollections
import PodlingProtocol

/// A worker as a pure state machine: events in, actions out.
///
/// No I/O, no clock, no randomness: `now` is milliseconds of a monotonic clock, `wall` milliseconds since 1970 by the
/// clock that the engine has as well, `jitter` a random number in 0..<1 that the caller draws for each event.
/// Deterministic: the same events give the same actions.
///
/// Its invariants:
/// - An attempt has at most one container, which this process starts at most once; one that existed before the process
///   never runs again.
/// - Nothing is started after the lease: it is trusted until the instant the last answered request was *sent*, plus
///   `lease_ms`. What waits then continues when the master renews, or is killed when it says so. A container that runs
///   when the lease ends keeps running: the master says keep or kill when the worker registers again.
/// - The end of an attempt is reported until the master acknowledges it, across connections.
/// - A cancel request is checked again before every step; before the start nothing is started.
package struct AgentCore: ~Copyable {
    let configuration: AgentConfiguration
    var actions: [AgentAction] = []
    var now: Int64 = 0
    var wall: Int64 = 0
    var jitter = 0.0

    var link: Link
    var lease = Lease()
    var nextRequestId = 1
    var pending: OrderedDictionary<Int, PendingRequest> = [:]
    var reconnectTries = 0
    /// Delay to reconnect after the master has closed, set by its `drain`.
    var reconnectRange: ClosedRange<Int64>?
    var addressIndex = 0
    var search = LeaderSearch()
    var hindrance = Hindrance()
    var health = EngineHealth()

    var attempts: OrderedDictionary<AttemptKey, AttemptRecord> = [:]
    /// Attempts whose containers are being killed and removed; they still take their slots.
    var discarding: OrderedDictionary<AttemptKey, Discard> = [:]
    /// Ended attempts whose containers are kept, oldest first.
    var finished: OrderedDictionary<AttemptKey, FinishedAttempt> = [:]
    /// Attempts that are over on this worker, oldest first.
    var tombstones: OrderedSet<AttemptKey> = []
    var subscriptions: OrderedDictionary<Int, LogSubscription> = [:]
    var shutdown: Shutdown?

    /// - Parameter adopted: the containers of this node that existed at the start of the process.
    package init(configuration: AgentConfiguration, adopted: [AdoptedContainer] = []) {
        self.configuration = configuration
        link = .down(retryAt: 0)
        for container in adopted { adopt(container) }
    }

    /// Applies one event.
    package mutating func handle(_ event: AgentEvent, now: Int64, wall: Int64, jitter: Double) -> [AgentAction] {
        (self.now, self.wall) = (now, wall)
        self.jitter = min(max(jitter, 0), 1)
        switch event {
        case .connected: connected()
        case .disconnected(let why, let isLasting): disconnected(why, isLasting: isLasting)
        case .message(let message): received(message)
        case .tick: tick()
        case .prepared(let key): prepared(key)
        case .created(let key, let id): created(key, id)
        case .started(let key, let milliseconds): started(key, milliseconds)
        case .exited(let key, let status): exited(key, status)
        case .failed(let key, let step, let error): failed(key, step, error)
        case .discarded(let key): discarded(key)
        case .probed(let error): probed(error)
        case .logsEnded(let subscription): subscriptions[subscription] = nil
        case .shutdown: beginShutdown()
        }
        continueShutdown()
        defer { actions = [] }
        return actions
    }

    /// When `tick` is next due.
    package var nextDeadline: Int64? {
        var earliest = linkDeadline
        func consider(_ time: Int64?) {
            guard let time else { return }
            earliest = min(time, earliest ?? time)
        }
        for record in attempts.values { consider(record.deadline) }
        consider(health.probeAt)
        consider(finished.values.first?.removeAt)
        if let shutdown, !shutdown.isOver { consider(shutdown.deadline) }
        return earliest
    }

    private mutating func tick() {
        tickLink()
        tickEngine()
        for key in attempts.keys { tickAttempt(key) }
        expireFinished()
    }

    mutating func note(_ level: AgentNote.Level, _ text: String, _ key: AttemptKey? = nil) {
        actions.append(.note(AgentNote(level: level, text: text, key: key)))
    }

    /// Adds jitter: picks a delay between half of `milliseconds` and all of it.
    func spread(_ milliseconds: Int64) -> Int64 {
        Backoff.spread(milliseconds, jitter: jitter)
    }
}

extension AgentCore {
    /// The state of the connection.
    enum Link: Equatable {
        case down(retryAt: Int64)
        case connecting
        /// Open; waits for the master's greeting, in silence until `prodAt`.
        case greeting(prodAt: Int64?)
        /// `register` is in flight.
        case registering
        /// `register` was rejected, and is to be repeated.
        case refused(retryAt: Int64)
        case registered(heartbeatAt: Int64)
        /// This side is closing it.
        case closing
    }

    /// The search for the leader among several masters.
    struct LeaderSearch {
        /// The leader that a standby named, to connect to next.
        var leader: String?
        /// The leader that was named and tried in this round.
        var triedLeader: String?
        /// Whether this connection goes to an address that a standby named.
        var isByName = false
        /// Standbys met since the last master that leads.
        var standbys = 0
        /// Whether this connection ends because its master does not lead.
        var isPassingBy = false
    }

    /// A permanent failure, which keeps this worker from registering until somebody changes something.
    struct Hindrance {
        /// The master's reason, on this connection.
        var refusal: String?
        /// Consecutive connections that ended so.
        var count = 0
        /// Failures logged since the last registration.
        var told: [String] = []
    }

    struct Lease {
        var milliseconds: Int64?
        var heartbeatMilliseconds: Int64 = 1_000
        /// The end of the lease as this worker trusts it: new work may start before this instant.
        var trustedUntil: Int64 = .min
        /// Since when a reply is awaited and nothing has come.
        var silentSince: Int64?
        var isQuiet = false
    }

    struct PendingRequest {
        enum Kind: Equatable {
            case hello
            case register
            case heartbeat
            case deregister
            case accept(AttemptKey)
            case reject(AttemptKey)
            case report(AttemptKey)
        }

        var kind: Kind
        var sentAt: Int64
    }

    struct Discard {
        /// Its `create` or `start` is not answered yet.
        var awaitsStep: Bool
        var containerId: String?
    }

    enum LogSubscription {
        /// Waits until the container is started.
        case waiting(LogRequestFromMaster)
        case streaming(AttemptKey)
    }

    struct Shutdown {
        var deadline: Int64
        var isDeregistering = false
        var isDeregistered = false
        var isOver = false
    }
}
