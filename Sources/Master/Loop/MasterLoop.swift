import Logging
import NIOCore
import PodlingAccess
import PodlingCore
import PodlingProtocol
import PodlingStore
import PodlingTLS

/// The shell around the core: passes it lines and time, and carries out its effects once they are durable.
///
/// It lives on one event loop. A turn is all that came with one poll of the sockets; it ends with at most one batch for
/// the store and one flush for each session. Nothing here is re-entrant: a socket that is written to may report
/// anything at once, and its consequences are queued (`resumeSoon`).
final class MasterLoop {
    private static let tickMilliseconds: Int64 = 250
    /// The gap between two ticks above which the master itself was stalled.
    private static let stallTime = TimeAmount.seconds(1)

    let eventLoop: any EventLoop
    let configuration: MasterConfiguration
    let logger: Logger
    let failures: FailureLog
    let pendingHandshakes: PendingHandshakes
    let store: any Store
    var core: MasterCore
    var turn = Turn()
    /// A turn that was carried out, for reuse.
    var spareTurn: Turn?
    var sinks: [(any SessionSink)?] = []
    private var generations: [UInt32] = []
    private var freeSlots: [Int] = []
    private var nextGeneration: UInt32 = 1
    private(set) var sessionCount = 0
    var halfClosed = HalfClosedSessions()
    /// Output that peers have not read.
    var unread: SharedBytes
    /// Buffered input: incomplete lines, and lines not executed yet.
    var input = SharedBytes(bytesMax: Limits.inputBytesTotalMax)
    var held: TurnQueue
    /// The rows that the store rejects of the batch whose result comes next.
    var refusedRows: [RefusedRow] = []
    var denialLog = DenialLog()
    /// The number of adopted tasks that no worker can run.
    var failedAdoptions = 0
    var isLate = false
    var isTurnScheduled = false
    var isCarryingOut = false
    var lastTurnEnd = NIODeadline.now()
    /// The number of the last turn whose effects were all sent.
    var sentTurnNumber = -1
    var dirty: [Int] = []
    var isDirty: [Bool] = []
    var runQueue = RunQueue()
    var isRunScheduled = false
    /// The work of the core and of handshakes at the last poll of the sockets.
    var workAtPoll = 0
    /// The work of handshakes, in the core's units.
    var handshakeWork = 0
    /// Sessions that do not read while the store is behind (back-pressure).
    var paused = RunQueue()
    var ticker: RepeatedTask?
    private var lastTick = NIODeadline.now()
    private var sweepCountdown = 0
    /// Called once the store has failed: the master cannot continue.
    var storeFailed: ((StoreError) -> Void)?
    var hasFailed = false
    private(set) var hasEnded = false
    var isGoingDown = false

    init(configuration: MasterConfiguration, store: any Store, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.store = store
        self.eventLoop = eventLoop
        self.logger = logger
        failures = FailureLog(logger)
        held = TurnQueue(
            turnsMax: configuration.heldTurnsMax,
            bytesMax: configuration.heldBytesMax,
            lateMilliseconds: Self.lateMilliseconds
        )
        unread = SharedBytes(bytesMax: configuration.unreadBytesTotalMax)
        pendingHandshakes = PendingHandshakes(
            countMax: configuration.pendingHandshakesMax,
            perAddressMax: configuration.pendingHandshakesPerAddressMax
        )
        var coreConfiguration = configuration.core
        coreConfiguration.asksStore = store.keepsRows
        core = MasterCore(configuration: coreConfiguration, now: Tick.current())
    }

    // MARK: Sessions

    /// Replaces the valid tokens.
    func setTokens(_ tokens: TokenTable) {
        core.setTokens(tokens, now: Tick.current(), into: &turn.effects)
        scheduleTurnEnd()
    }

    func open(_ sink: any SessionSink) -> SessionID {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            sinks[Int(slot)] = sink
        } else {
            slot = sinks.count
            sinks.append(sink)
            generations.append(0)
            isDirty.append(false)
        }
        let id = SessionID(slot: slot, generation: nextGeneration)
        nextGeneration &+= 1
        generations[Int(slot)] = id.generation
        sessionCount += 1
        let isNamed =
            core.configuration.isAudited || core.configuration.isAuthenticated || sink.certificate != nil
        let peer = isNamed ? sink.peerName : ""
        openSession(id, peer, sink.certificate)
        scheduleTurnEnd()
        return id
    }

    private func openSession(_ id: SessionID, _ peer: String, _ certificate: CertificateFacts?) {
        let holder = certificate.map { CertificateHolder($0, role: configuration.certificateRole) }
        var identity: Identity?
        if case .known(let known) = holder { identity = known }
        core.sessionOpened(id, peer: peer, identity: identity, now: Tick.current(), into: &turn.effects)
        if case .refused(let reason) = holder { core.refuse(id, reason, into: &turn.effects) }
    }

    func closed(_ id: SessionID) {
        core.sessionClosed(id, now: Tick.current(), into: &turn.effects)
        halfClosed.remove(id)
        sinks[id.slot] = nil
        freeSlots.append(id.slot)
        sessionCount -= 1
        scheduleTurnEnd()
    }

    func isCurrent(_ id: SessionID) -> Bool { generations[id.slot] == id.generation }

    /// Executes one line as part of the turn; nothing leaves before the turn's end.
    ///
    /// - Returns: false if the session's next line must wait: for the store's answer to this one, or, while the store
    ///   is late, for the end of this turn, so that the reply to a read does not wait behind writes.
    func received(_ line: UnsafeRawBufferPointer, from id: SessionID, now: Tick) -> Bool {
        core.lineReceived(line, from: id, now: now, into: &turn.effects)
        return (turn.effects.queries.isEmpty || !core.isAsking(id)) && !isLate
    }

    func isAsking(_ id: SessionID) -> Bool { core.isAsking(id) }

    func hasShownIdentity(_ id: SessionID) -> Bool { core.hasShownIdentity(id) }

    func hasGreeted(_ id: SessionID) -> Bool { core.hasGreeted(id) }

    func backedUp(_ id: SessionID, _ isBackedUp: Bool) {
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
            guard isCurrent(id), let sink = sinks[id.slot] else {
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
        let hungriest = sinks.compactMap { $0 }.max { $0.unreadBytes < $1.unreadBytes }
        guard let hungriest, hungriest.unreadBytes > 0 else { return }
        hungriest.closeUnread("all connections together have more than \(unread.bytesMax) bytes unread")
    }

    // MARK: Time

    func start() {
        tellCertificateEnd()
        lastTick = .now()
        let amount = TimeAmount.milliseconds(Self.tickMilliseconds)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        ticker = eventLoop.scheduleRepeatedTask(initialDelay: amount, delay: amount) { _ in bound.value.tick() }
    }

    private func tick() {
        let now = NIODeadline.now()
        let gap = now - lastTick
        lastTick = now
        tellStoreState()
        tellCertificateEnd()
        var health = store.health
        let silence = max(held.age(now: Tick.current().monotonic), Int64(health.silentMilliseconds))
        health.silentMilliseconds = silence > Self.lateMilliseconds ? Int(silence) : 0
        core.store(is: health)
        if gap > Self.stallTime { wasStalled(by: gap) }
        core.tick(now: Tick.current(), into: &turn.effects)
        sweepCountdown -= 1
        if sweepCountdown <= 0 {
            sweepCountdown = 4
            for sink in sinks { sink?.sweep(now: .current()) }
        }
        scheduleTurnEnd()
    }

    /// Extends the deadlines of peers after a stall: what they sent meanwhile still waits in their sockets.
    private func wasStalled(by gap: TimeAmount) {
        let milliseconds = gap.nanoseconds / 1_000_000
        logger.warning("the master stood still", metadata: ["milliseconds": "\(milliseconds)"])
        core.wasStalled(milliseconds: milliseconds, now: .current())
        for sink in sinks { sink?.wasStalled(milliseconds: milliseconds) }
    }

    private func tellCertificateEnd() {
        core.certificateEnd = configuration.tls?.certificate?.notAfter.map { Int64($0) * 1_000 }
    }

    /// Submits the last changes to the store: nodes whose connections are closed now. Later changes are dropped.
    func end() {
        endTurn()
        hasEnded = true
    }
}
