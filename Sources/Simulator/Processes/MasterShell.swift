import PodlingCore
import PodlingProtocol
import PodlingStore

/// The shell around one run of a core: sessions, turns, time.
final class MasterShell {
    static let sessionWorkMax = 10_000
    private static let pollWorkMax = 40_000
    private static let pollMicroseconds: Int64 = 50
    private static let unreadBytesTotalMax = 1024 * 1024
    static let unreadBytesMax = 256 * 1024

    let process: MasterProcess
    let world: World
    let store: StoreClient
    var core: MasterCore
    var turn = Turn()
    var spareTurn: Turn?
    var sinks: [MasterSession?] = []
    private var generations: [UInt32] = []
    private var freeSlots: [Int] = []
    private var nextGeneration: UInt32 = 1
    var halfClosed = HalfClosedSessions()
    var unread = SharedBytes(bytesMax: unreadBytesTotalMax)
    var input = SharedBytes(bytesMax: 1024 * 1024)
    var held = TurnQueue(turnsMax: 256, bytesMax: 4 * 1024 * 1024, lateMilliseconds: MasterProcess.lateMilliseconds)
    var refusedRows: [RefusedRow] = []
    var isLate = false
    var isTurnScheduled = false
    var isCarryingOut = false
    var lastTurnEnd: Int64 = 0
    var sentTurnNumber = -1
    var dirty: [Int] = []
    var isDirty: [Bool] = []
    var runQueue = RunQueue()
    private var isRunScheduled = false
    private var workAtPoll = 0
    var paused = RunQueue()
    private var lastTick: Int64
    /// Until then each tick checks the machines: what a stall leaves wrong is often right again soon.
    private var watchedUntil: Int64 = 0
    private var sweepCountdown = 0
    var hasFailed = false
    private(set) var hasEnded = false
    var isGoingDown = false

    init(_ process: MasterProcess, _ store: StoreClient, _ configuration: CoreConfiguration) {
        self.process = process
        self.store = store
        world = process.world
        core = MasterCore(configuration: configuration, now: process.tick)
        lastTick = process.monotonic
    }

    var now: Tick { process.tick }
    var isLeading: Bool { core.leadership == .leading }

    /// Whether everything that changed is in the store, and nothing is under way.
    var isQuiet: Bool { isLeading && !hasFailed && held.isEmpty && store.isIdle && !core.hasChanges }

    /// Plans something for the next turn of the event loop.
    func execute(_ body: @escaping () -> Void) { process.after(0, body) }

    // MARK: Sessions

    func accept(_ socket: Socket) { MasterSession(self, socket).open() }

    func open(_ sink: MasterSession) -> SessionID {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            sinks[slot] = sink
        } else {
            slot = sinks.count
            sinks.append(sink)
            generations.append(0)
            isDirty.append(false)
        }
        let id = SessionID(slot: slot, generation: nextGeneration)
        nextGeneration &+= 1
        generations[slot] = id.generation
        core.sessionOpened(id, now: now, into: &turn.effects)
        scheduleTurnEnd()
        return id
    }

    func closed(_ id: SessionID) {
        core.sessionClosed(id, now: now, into: &turn.effects)
        halfClosed.remove(id)
        sinks[id.slot] = nil
        freeSlots.append(id.slot)
        scheduleTurnEnd()
    }

    func isCurrent(_ id: SessionID) -> Bool { generations[id.slot] == id.generation }

    func received(_ line: UnsafeRawBufferPointer, from id: SessionID, now: Tick) -> Bool {
        core.lineReceived(line, from: id, now: now, into: &turn.effects)
        return (turn.effects.queries.isEmpty || !core.isAsking(id)) && !isLate
    }

    func backedUp(_ id: SessionID, _ isBackedUp: Bool) {
        core.sessionBackedUp(id, isBackedUp)
        if !isBackedUp { scheduleTurnEnd() }
    }

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

    func boundUnread() {
        guard unread.isOver else { return }
        let hungriest = sinks.compactMap { $0 }.max { $0.unreadBytes < $1.unreadBytes }
        guard let hungriest, hungriest.unreadBytes > 0 else { return }
        hungriest.closeUnread()
    }

    // MARK: Fair scheduling

    var mayExecute: Bool { !isCarryingOut && core.work &- workAtPoll < Self.pollWorkMax }

    func resumeSoon(_ item: any Resumable) {
        runQueue.append(item)
        guard !isRunScheduled else { return }
        isRunScheduled = true
        execute { [self] in run() }
    }

    private func run() {
        workAtPoll = core.work
        var left = runQueue.count
        while left > 0, mayExecute, let next = runQueue.popFirst() {
            left -= 1
            next.resume()
        }
        endPoll()
        isRunScheduled = !runQueue.isEmpty
        guard isRunScheduled else { return }
        process.after(Self.pollMicroseconds) { [self] in run() }
    }

    func endPoll() {
        endTurn()
        workAtPoll = core.work
    }

    func scheduleTurnAfterPoll() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        process.after(Self.pollMicroseconds) { [self] in endPoll() }
    }

    func pause(_ item: any Resumable) {
        world.used("back-pressure by the store")
        paused.append(item)
    }

    func resumePaused() {
        var left = paused.count
        while left > 0, let next = paused.popFirst() {
            left -= 1
            resumeSoon(next)
        }
    }

    // MARK: Time

    func tick() {
        let gap = process.monotonic - lastTick
        lastTick = process.monotonic
        tellStoreState()
        if gap > Self.stallMilliseconds {
            core.wasStalled(milliseconds: gap, now: now)
            for sink in sinks { sink?.wasStalled(milliseconds: gap) }
            watchedUntil = lastTick + Self.watchedMilliseconds
        }
        if lastTick < watchedUntil { world.cluster.checkers.afterStall(self) }
        core.tick(now: now, into: &turn.effects)
        sweepCountdown -= 1
        if sweepCountdown <= 0 {
            sweepCountdown = 4
            for sink in sinks { sink?.sweep() }
        }
        scheduleTurnEnd()
    }

    private static let stallMilliseconds: Int64 = 1_000
    private static let watchedMilliseconds: Int64 = 8_000

    // MARK: Leading

    func standBy(leader: String?) {
        guard core.leadership != .standby(leader: leader) else { return }
        core.standBy(leader: leader)
    }

    func restore(_ kept: StoreBatch) {
        if let lastID = kept.lastTaskID { core.restore(lastID: lastID) }
        for row in kept.nodes { core.restoreNode(row) }
        for row in kept.tasks where !core.restore(row) {
            world.fail("restore", "\(process.name) cannot take the row of \(row.idText)", task: row.idText)
        }
    }

    func lead() {
        core.endRestore()
        core.lead(now: now)
        world.trace("\(process.name) leads")
        scheduleTurnEnd()
    }

    func held(from position: Int) -> HeldPage { core.held(from: position) }

    // MARK: Going down

    func announceEnd() {
        endTurn()
        isGoingDown = true
        core.shutDown(deadlineMilliseconds: Int(MasterProcess.shutdownMicroseconds / 1_000), into: &turn.effects)
        let announcement = turn
        turn = Turn()
        turn.number = announcement.number + 1
        carryOut(announcement)
        process.after(MasterProcess.shutdownMicroseconds * 3 / 4) { [self] in
            guard !held.isEmpty else { return }
            fail(StoreError("it did not take the last changes before this master's end"))
        }
    }

    func shutDown() {
        endTurn()
        closeAll()
    }

    func closeAll() {
        guard held.isEmpty else { return process.after(20_000) { [self] in closeAll() } }
        for sink in sinks { sink?.close() }
    }

    func end() {
        endTurn()
        hasEnded = true
    }

    private func refuseHeld() {
        let error = WireError(
            .unavailable,
            "the master goes down, and its store is away: a change that was asked for may have been made or not",
            retryAfterMilliseconds: 1_000
        )
        for turn in held.takeAll() {
            turn.effects.refuse(error) { session, lines in
                guard isCurrent(session) else { return }
                sinks[session.slot]?.deliver(lines)
                sinks[session.slot]?.flush()
            }
        }
    }

    func fail(_ error: StoreError) {
        guard !hasFailed else { return }
        hasFailed = true
        world.used(error.isLeadLost ? "lead lost" : "store failed")
        if isGoingDown, !error.isLeadLost { refuseHeld() } else { held.removeAll() }
        process.storeFailed()
        for sink in sinks { sink?.close() }
    }
}
