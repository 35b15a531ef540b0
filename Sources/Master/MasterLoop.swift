import Logging
import NIOCore
import PodlingAccess
import PodlingCore
import PodlingProtocol
import PodlingStore
import PodlingTLS

/// The shell round the core: gives it lines and time, and carries out its effects once they are durable.
///
/// It lives on one event loop. A turn is all that came with one poll of the sockets; it ends with at most one
/// batch for the store and one flush for each session.
final class MasterLoop {
    private static let tickMilliseconds: Int64 = 250
    /// Without a turn for this long, a small one does not wait for company.
    private static let quietTime = TimeAmount.microseconds(200)
    private static let smallTurnBytes = 4 * 1024
    /// What is to be sent does not grow beyond this, however much is asked for in one read.
    private static let largeTurnBytes = 1024 * 1024
    /// A store that is silent for longer holds up writes only.
    private static let lateTime = TimeAmount.seconds(1)

    let eventLoop: any EventLoop
    let configuration: MasterConfiguration
    let logger: Logger
    let failures: FailureLog
    let pendingHandshakes: PendingHandshakes
    private let store: any Store
    var core: MasterCore
    var turn = Turn()
    /// A turn that was carried out, to be used again.
    private var spareTurn: Turn?
    var sinks: [(any SessionSink)?] = []
    private var generations: [UInt32] = []
    private var freeSlots: [Int32] = []
    private var nextGeneration: UInt32 = 1
    private(set) var sessionCount = 0
    var held = HeldTurns()
    private var denialLog = DenialLog()
    private var isLate = false
    private var isTurnScheduled = false
    private var lastTurnEnd = NIODeadline.now()
    private var dirty: [Int32] = []
    private var isDirty: [Bool] = []
    var ticker: RepeatedTask?
    private var sweepCountdown = 0
    /// Called once a store has failed: the master cannot go on.
    var storeFailed: ((StoreError) -> Void)?
    private var hasFailed = false
    private var hasEnded = false
    var isGoingDown = false

    init(configuration: MasterConfiguration, store: any Store, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.store = store
        self.eventLoop = eventLoop
        self.logger = logger
        failures = FailureLog(logger)
        pendingHandshakes = PendingHandshakes(
            countMax: configuration.pendingHandshakesMax,
            perAddressMax: configuration.pendingHandshakesPerAddressMax
        )
        var coreConfiguration = configuration.core
        coreConfiguration.asksStore = store.keepsRows
        core = MasterCore(configuration: coreConfiguration, now: Tick.current())
    }

    // MARK: Leadership

    /// Another master leads.
    func standBy(leader: String?) {
        guard core.leadership != .standby(leader: leader) else { return }
        core.standBy(leader: leader)
        logger.info("standing by", metadata: ["leader": "\(leader ?? "none yet")"])
    }

    /// Takes what the store kept, before `lead`.
    /// - Returns: how many tasks could not be taken.
    func restore(_ kept: StoreBatch) -> Int {
        if let trail = kept.trail { core.restore(trail) }
        for row in kept.nodes { core.restoreNode(row) }
        let refused = kept.tasks.reduce(0) { $0 + (core.restore($1) ? 0 : 1) }
        if !kept.events.isEmpty { core.restoreEvents(kept.events) }
        return refused
    }

    func lead() {
        core.endRestore()
        core.lead(now: Tick.current())
        logger.info("leading")
        scheduleTurnEnd()
    }

    // MARK: Sessions

    /// Whose tokens are good from now on.
    func setTokens(_ tokens: TokenTable) {
        core.setTokens(tokens, now: Tick.current(), into: &turn.effects)
        scheduleTurnEnd()
    }

    func open(_ sink: any SessionSink) -> SessionID {
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
            sinks[Int(slot)] = sink
        } else {
            slot = Int32(truncatingIfNeeded: sinks.count)
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
        sinks[Int(id.slot)] = nil
        freeSlots.append(id.slot)
        sessionCount -= 1
        scheduleTurnEnd()
    }

    /// - Returns: false where the session's next line is to wait for the store's answer to this one.
    func received(_ line: UnsafeRawBufferPointer, from id: SessionID, now: Tick) -> Bool {
        core.lineReceived(line, from: id, now: now, into: &turn.effects)
        let mayGoOn = turn.effects.queries.isEmpty || !core.isAsking(id)
        // A turn of its own, so that an answer to a read does not wait with writes.
        if isLate { endTurn() }
        return mayGoOn
    }

    func isAsking(_ id: SessionID) -> Bool { core.isAsking(id) }

    func hasShownIdentity(_ id: SessionID) -> Bool { core.hasShownIdentity(id) }

    func hasGreeted(_ id: SessionID) -> Bool { core.hasGreeted(id) }

    func backedUp(_ id: SessionID, _ isBackedUp: Bool) {
        core.sessionBackedUp(id, isBackedUp)
        if !isBackedUp { scheduleTurnEnd() }
    }

    /// The turn that is under way.
    var turnNumber: Int { turn.number }
    /// The last turn of which everything was sent.
    private(set) var sentTurnNumber = -1
    /// Those that do not read while the store is behind.
    private var paused: [SessionID] = []
    /// Those whose peers send no more; they are looked at after each turn.
    private var halfClosed: [SessionID] = []

    /// Remembers a session that reads on once the store has caught up.
    func paused(_ id: SessionID) { paused.append(id) }

    /// Remembers a session to be closed once all it is due was sent.
    func halfClosed(_ id: SessionID) {
        halfClosed.append(id)
        scheduleTurnEnd()
    }

    private func closeHalfClosed() {
        guard !halfClosed.isEmpty else { return }
        let candidates = halfClosed
        halfClosed = []
        for id in candidates where isCurrent(id) {
            guard let sink = sinks[Int(id.slot)] else { continue }
            let isDue = core.subscriptionCount(of: id) > 0 || held.holds(id.slot) || core.isAsking(id)
            if isDue || !sink.closeIfDone() { halfClosed.append(id) }
        }
    }

    /// Whether the store is so far behind that reading from this session should wait.
    func isBehind(_ id: SessionID) -> Bool {
        isStoreFull && (!isLate || held.holds(id.slot))
    }

    private var isStoreFull: Bool {
        held.count >= configuration.heldTurnsMax || held.byteCount >= configuration.heldBytesMax
    }

    // MARK: Turns

    /// Ends the turn with one read where little goes on, and else with all of this poll.
    func readComplete() {
        let isQuiet = NIODeadline.now() - lastTurnEnd > Self.quietTime && turn.effects.byteCount < Self.smallTurnBytes
        if isQuiet, !isTurnScheduled { endTurn() } else { scheduleTurnEnd() }
    }

    /// Ends the turn after all sockets of this poll were read.
    func scheduleTurnEnd() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.endTurn() }
    }

    var isTurnLarge: Bool { turn.effects.byteCount > Self.largeTurnBytes }

    /// Ends the turn before all sockets are read, so that what follows comes after its replies.
    func endTurnNow() { endTurn() }

    func endTurn() {
        isTurnScheduled = false
        lastTurnEnd = .now()
        core.endTurn(into: &turn.effects)
        let ended = turn
        ended.isDurable = commit()
        // Carrying it out closes and opens sessions, whose effects belong to the next turn.
        turn = spareTurn ?? Turn()
        turn.number = ended.number + 1
        spareTurn = nil
        if hasFailed {
            closeAll()
        } else if ended.isDurable, held.isEmpty || ended.effects.isEmpty || (isLate && isFree(ended)) {
            carryOut(ended)
        } else {
            held.append(ended)
            tellStoreState()
        }
        closeHalfClosed()
        if core.hasMoreToTell { scheduleTurnEnd() }
    }

    /// Whether a turn may leave before those that are held: it answers reads, of sessions that wait for nothing.
    private func isFree(_ turn: Turn) -> Bool {
        turn.effects.isAnswersOnly && turn.effects.frames.allSatisfy { !held.holds($0.session.slot) }
            && turn.effects.queries.allSatisfy { !held.holds($0.session.slot) }
    }

    private func tellStoreState() {
        let wasLate = isLate
        isLate = held.age > Self.lateTime
        if isLate, !wasLate {
            logger.warning("the store is late")
            for turn in held.takeAnswers() { carryOut(turn) }
        } else if wasLate, !isLate {
            logger.notice("the store is back")
        }
        guard isLate || wasLate else { return }
        core.store(is: isLate && isStoreFull ? .full : isLate ? .late : .prompt, now: Tick.current())
        resumeWhereNotBehind()
    }

    private func resumeWhereNotBehind() {
        guard !paused.isEmpty else { return }
        let waiting = paused
        paused = []
        for id in waiting where isCurrent(id) {
            if isBehind(id) { paused.append(id) } else { sinks[Int(id.slot)]?.resumeReading() }
        }
    }

    /// Hands the turn's changes to the store.
    /// - Returns: whether they are durable already.
    private func commit() -> Bool {
        // What taking rows over changed waits until all of them are taken.
        guard core.hasChanges, core.leadership == .leading, !hasEnded else { return true }
        var batch = StoreBatch()
        if store.keepsRows { batch = core.takeChanges() } else { core.dropChanges() }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let loop = eventLoop
        return store.commit(batch) { result in
            loop.execute { bound.value.committed(result) }
        } == .durable
    }

    /// The oldest batch that was not durable is so now: it and what waited behind it may leave.
    private func committed(_ result: Result<Void, StoreError>) {
        guard !hasFailed else { return }
        if case .failure(let error) = result { return fail(error) }
        held.markOldestDurable()
        while let durable = held.popDurable() { carryOut(durable) }
        tellStoreState()
        if !isStoreFull { resumeWhereNotBehind() }
        closeHalfClosed()
    }

    /// What is not durable never leaves: all connections end without it.
    func fail(_ error: StoreError) {
        guard !hasFailed else { return }
        hasFailed = true
        if isGoingDown, !error.isLeadLost { refuseHeld() } else { held.removeAll() }
        storeFailed?(error)
        for sink in sinks { sink?.close() }
    }

    func isCurrent(_ id: SessionID) -> Bool { generations[Int(id.slot)] == id.generation }

    func carryOut(_ turn: Turn) {
        for frame in turn.effects.frames {
            let slot = frame.session.slot
            guard isCurrent(frame.session), let sink = sinks[Int(slot)] else { continue }
            turn.effects.withBytes(of: frame) { sink.deliver($0) }
            guard !isDirty[Int(slot)] else { continue }
            isDirty[Int(slot)] = true
            dirty.append(slot)
        }
        // The last to get something got assignments, which others wait for longer than for replies.
        for slot in dirty.reversed() {
            isDirty[Int(slot)] = false
            sinks[Int(slot)]?.flush()
        }
        dirty.removeAll(keepingCapacity: true)
        if !turn.effects.denials.isEmpty { denialLog.write(turn.effects, to: logger) }
        for query in turn.effects.queries { ask(query) }
        for session in turn.effects.closing where isCurrent(session) { sinks[Int(session.slot)]?.close() }
        turn.effects.removeAll()
        sentTurnNumber = max(sentTurnNumber, turn.number)
        spareTurn = turn
    }

    private func ask(_ query: Effects.Query) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let loop = eventLoop
        store.read(query.query) { result in loop.execute { bound.value.answered(query, result) } }
    }

    private func answered(_ query: Effects.Query, _ result: Result<StorePage, StoreError>) {
        if case .failure(let error) = result { logger.warning("reading the store: \(error.message)") }
        core.answer(query, try? result.get(), into: &turn.effects)
        scheduleTurnEnd()
        if isCurrent(query.session) { sinks[Int(query.session.slot)]?.resumeReading() }
    }

    // MARK: Time

    func start() {
        tellCertificateEnd()
        let amount = TimeAmount.milliseconds(Self.tickMilliseconds)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        ticker = eventLoop.scheduleRepeatedTask(initialDelay: amount, delay: amount) { _ in bound.value.tick() }
    }

    private func tick() {
        tellStoreState()
        tellCertificateEnd()
        let silence = max(held.age, .milliseconds(Int64(store.silentMilliseconds)))
        core.store(silentFor: silence > Self.lateTime ? Int(silence.nanoseconds / 1_000_000) : 0)
        core.tick(now: Tick.current(), into: &turn.effects)
        sweepCountdown -= 1
        if sweepCountdown <= 0 {
            sweepCountdown = 4
            let now = NIODeadline.now()
            for sink in sinks { sink?.sweep(now: now) }
        }
        scheduleTurnEnd()
    }

    private func tellCertificateEnd() {
        core.certificateEnd = configuration.tls?.certificate?.notAfter.map { Int64($0) * 1_000 }
    }

    /// Hands the last changes to the store: nodes whose connections are closed now. What comes later is nobody's.
    func end() {
        endTurn()
        hasEnded = true
    }
}
