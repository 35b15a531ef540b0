import PodlingAccess
import PodlingCore
import PodlingProtocol
import PodlingStore

/// The shell around the core: passes it lines and time, and carries out its effects once they are durable.
///
/// It lives on one event loop, its host. A turn is all that came with one poll of the sockets; it ends with at most one
/// batch for the store and one flush for each session. Nothing here is re-entrant: a socket that is written to may
/// report anything at once, and its consequences are queued (`resumeSoon`).
package final class MasterShell {
    /// The gap between two ticks above which the master itself was stalled.
    private static let stallMilliseconds: Int64 = 1_000
    /// A store that has been silent for longer delays writes only.
    static let lateMilliseconds: Int64 = 1_000

    package let host: any ShellHost
    package let limits: ShellLimits
    package internal(set) var core: MasterCore
    var turn = Turn()
    /// A turn that was carried out, for reuse.
    var spareTurn: Turn?
    var sessions = SessionSlots()
    var halfClosed = HalfClosedSessions()
    /// Output that peers have not read.
    package internal(set) var unread: SharedBytes
    /// Buffered input: incomplete lines, and lines not executed yet.
    package internal(set) var input: SharedBytes
    package internal(set) var held: TurnQueue
    package internal(set) var isLate = false
    var isTurnScheduled = false
    var isCarryingOut = false
    /// Microseconds by the host's clock.
    var lastTurnEnd: Int64
    /// The number of the last turn whose effects were all sent.
    var sentTurnNumber = -1
    var runQueue = RunQueue()
    var isRunScheduled = false
    /// The work done up to the last poll of the sockets.
    var workAtPoll = 0
    /// Work besides the core's, in its units.
    private var otherWork = 0
    /// Sessions that do not read while the store is behind (back-pressure).
    var paused = RunQueue()
    private var lastTick: Int64
    private var sweepCountdown = 0
    package internal(set) var hasFailed = false
    private(set) var hasEnded = false
    var isGoingDown = false

    package init(host: any ShellHost, limits: ShellLimits, core configuration: CoreConfiguration) {
        self.host = host
        self.limits = limits
        held = TurnQueue(
            turnsMax: limits.heldTurnsMax,
            bytesMax: limits.heldBytesMax,
            lateMilliseconds: Self.lateMilliseconds
        )
        unread = SharedBytes(bytesMax: limits.unreadBytesTotalMax)
        input = SharedBytes(bytesMax: limits.inputBytesTotalMax)
        lastTurnEnd = host.monotonicMicroseconds
        let now = host.now
        lastTick = now.monotonic
        core = MasterCore(configuration: configuration, now: now)
    }

    /// Carries out what was scheduled.
    package func perform(_ step: ShellStep) {
        switch step {
        case .endPoll: endPoll()
        case .run: run()
        case .closeAll: closeAll()
        case .failWaiting: failWaiting()
        }
    }

    /// The work done so far, in the core's units (`MasterCore.work`), each about a tenth of a microsecond.
    package var workDone: Int { core.work &+ otherWork }

    /// Counts work besides the core's, such as that of handshakes.
    package func count(work: Int) { otherWork &+= work }

    // MARK: Sessions

    /// Replaces the valid tokens.
    package func setTokens(_ tokens: TokenTable) {
        core.setTokens(tokens, now: host.now, into: &turn.effects)
        scheduleTurnEnd()
    }

    package func open(_ sink: any SessionSink) -> SessionID {
        let id = sessions.open(sink)
        openSession(id, sink)
        scheduleTurnEnd()
        return id
    }

    private func openSession(_ id: SessionID, _ sink: any SessionSink) {
        let credentials = sink.credentials
        let isNamed = core.configuration.isAudited || core.configuration.isAuthenticated || credentials != .none
        var identity: Identity?
        if case .known(let known) = credentials { identity = known }
        let peer = isNamed ? sink.peerName : ""
        core.sessionOpened(id, peer: peer, identity: identity, now: host.now, into: &turn.effects)
        if case .refused(let reason) = credentials { core.refuse(id, reason, into: &turn.effects) }
    }

    package func closed(_ id: SessionID) {
        core.sessionClosed(id, now: host.now, into: &turn.effects)
        halfClosed.remove(id)
        sessions.close(id)
        scheduleTurnEnd()
    }

    package var sessionCount: Int { sessions.count }

    /// Executes one line as part of the turn; nothing leaves before the turn's end.
    ///
    /// - Returns: false if the session's next line must wait: for the store's answer to this one, or, while the store
    ///   is late, for the end of this turn, so that the reply to a read does not wait behind writes.
    package func received(_ line: UnsafeRawBufferPointer, from id: SessionID, now: Tick) -> Bool {
        core.lineReceived(line, from: id, now: now, into: &turn.effects)
        return !core.isAsking(id) && !isLate
    }

    package func isAsking(_ id: SessionID) -> Bool { core.isAsking(id) }

    package func hasShownIdentity(_ id: SessionID) -> Bool { core.hasShownIdentity(id) }

    package func hasGreeted(_ id: SessionID) -> Bool { core.hasGreeted(id) }

    func backedUp(_ id: SessionID, _ isBackedUp: Bool) {
        host.tell(.backedUp(isBackedUp))
        core.sessionBackedUp(id, isBackedUp)
        if !isBackedUp { scheduleTurnEnd() }
    }

    /// The number of the turn under way.
    var turnNumber: Int { turn.number }

    /// Marks a session to be closed once everything due to it is sent.
    func halfClosed(_ id: SessionID) {
        halfClosed.add(id)
        scheduleTurnEnd()
    }

    func closeHalfClosed() {
        for id in halfClosed.takeCandidates() {
            guard let sink = sessions.sink(of: id) else {
                halfClosed.remove(id)
                continue
            }
            if core.subscriptionCount(of: id) > 0 || held.holds(id.slot) || core.isAsking(id) { continue }
            switch sink.closeIfDone() {
            case .closed: halfClosed.remove(id)
            case .waitsForTurn: halfClosed.add(id)
            case .waitsForFrames: break
            }
        }
    }

    /// Closes the connection with the most unread output, if all together have too much unread.
    func boundUnread() {
        guard unread.isOver else { return }
        let hungriest = sessions.sinks.max { $0.unreadBytes < $1.unreadBytes }
        guard let hungriest, hungriest.unreadBytes > 0 else { return }
        hungriest.closeUnread("all connections together have more than \(unread.bytesMax) bytes unread")
    }

    // MARK: Time

    /// Begins to count the time from one tick to the next.
    package func start() { lastTick = host.now.monotonic }

    /// Lets time pass: deadlines, leases, and what the store says of itself. Called four times a second.
    package func tick() {
        let now = host.now
        let gap = now.monotonic - lastTick
        lastTick = now.monotonic
        tellStoreState()
        var health = host.storeHealth
        let silence = max(held.age(now: now.monotonic), Int64(health.silentMilliseconds))
        health.silentMilliseconds = silence > Self.lateMilliseconds ? Int(silence) : 0
        core.store(is: health)
        if gap > Self.stallMilliseconds { wasStalled(milliseconds: gap) }
        core.tick(now: host.now, into: &turn.effects)
        sweepCountdown -= 1
        if sweepCountdown <= 0 {
            sweepCountdown = 4
            for sink in sessions.sinks { sink.sweep(now: host.now) }
        }
        scheduleTurnEnd()
    }

    /// Extends the deadlines of peers after a stall: what they sent meanwhile still waits in their sockets.
    private func wasStalled(milliseconds: Int64) {
        host.tell(.stalled(milliseconds: milliseconds))
        core.wasStalled(milliseconds: milliseconds, now: host.now)
        for sink in sessions.sinks { sink.wasStalled(milliseconds: milliseconds) }
    }

    /// The end of the master's own certificate, in milliseconds of wall time.
    package func setCertificateEnd(_ milliseconds: Int64?) { core.certificateEnd = milliseconds }

    /// Submits the last changes to the store: nodes whose connections are closed now. Later changes are dropped.
    package func end() {
        endTurn()
        hasEnded = true
    }
}
