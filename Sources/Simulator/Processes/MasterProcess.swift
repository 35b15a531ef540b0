import PodlingCore
import PodlingProtocol
import PodlingShell
import PodlingStore

/// A master: the real core in its real shell, on an event loop that is all events of the world.
final class MasterProcess: Process {
    private static let tickMicroseconds: Int64 = 250_000
    private static let shutdownMicroseconds: Int64 = 5_000_000
    /// So long after a stall each tick checks the machines: what it leaves wrong is often right again soon.
    private static let watchedMicroseconds: Int64 = 8_000_000

    let number: Int
    let address: String
    let database: Database
    private(set) var store: StoreClient?
    private var candidate: Candidate?
    private(set) var shell: MasterShell?
    /// The rows that the store rejects of the batch whose result comes next.
    private var refusedRows: [RefusedRow] = []
    private var watchedUntil: Int64 = 0
    /// Whether it was asked to end.
    private var isEnding = false

    init(_ world: World, number: Int, host: Int, database: Database) {
        self.number = number
        self.database = database
        address = "m\(number):7070"
        super.init(world, "master m\(number)", host: host)
    }

    var isLeading: Bool { shell?.core.leadership == .leading }

    /// Whether its store works.
    var isServing: Bool { shell?.hasFailed == false }

    /// Whether everything that changed is in the store, and nothing is under way.
    var isQuiet: Bool {
        guard let shell, let store, isLeading, isServing else { return false }
        return shell.held.isEmpty && store.isIdle && !shell.core.hasChanges
    }

    // MARK: Life

    override func started() {
        isEnding = false
        let holder = number * 1_000_000 + incarnation
        let store = StoreClient(self, database, holder: holder)
        var core = CoreConfiguration(
            server: "podling-master/simulated",
            epoch: "m\(number)x\(incarnation)",
            firstTaskID: TaskID.base(wallMilliseconds: tick.wall)
        )
        core.heartbeatMilliseconds = 1_000
        core.leaseMilliseconds = 3_000
        core.prepareMilliseconds = 20_000
        core.finishedTasksMax = 150
        core.finishedAgeMilliseconds = 120_000
        core.eventsKeptMax = 512
        core.asksStore = true
        core.nodeAgeMilliseconds = 60_000
        var limits = ShellLimits()
        limits.unreadBytesMax = 256 * 1024
        limits.unreadBytesTotalMax = 1024 * 1024
        limits.inputBytesTotalMax = 1024 * 1024
        limits.heldTurnsMax = 256
        limits.heldBytesMax = 4 * 1024 * 1024
        let shell = MasterShell(host: self, limits: limits, core: core)
        store.held = { [unowned shell] in shell.held(from: $0) }
        let candidate = Candidate(self, database, holder: holder, address: address) { [self] news, epoch in
            follow(news, epoch)
        }
        (self.store, self.shell, self.candidate) = (store, shell, candidate)
        shell.standBy(leader: nil)
        candidate.begin()
        ticks()
    }

    override func ended() {
        (store, shell, candidate) = (nil, nil, nil)
    }

    private func ticks() {
        after(Self.tickMicroseconds) { [self] in
            shell?.tick()
            if world.now < watchedUntil { world.cluster.checkers.afterStall(self) }
            ticks()
        }
    }

    private func follow(_ news: StoreLeadership, _ epoch: Int) {
        guard let shell, let store else { return }
        switch news {
        case .standby(let leader): shell.standBy(leader: leader)
        case .lost:
            store.lostLead()
            shell.fail(StoreError("another master leads now", isLeadLost: true))
        case .leading:
            store.epoch = epoch
            load(shell)
        }
    }

    private func load(_ shell: MasterShell) {
        after(database.latency()) { [self] in
            guard !database.isAway, world.cluster.network.isReachable(host, database.host) else {
                return after(500_000) { [self] in load(shell) }
            }
            // A snapshot of one transaction, which comes in pieces.
            var first = StoreBatch()
            first.nodes = database.nodes.values.sorted { $0.id < $1.id }
            let rows = database.loaded(heldMax: 150)
            first.lastTaskID = database.lastTaskID
            shell.restore(first)
            var start = 0
            func next() {
                guard start < rows.count else { return shell.lead() }
                let end = min(start + 100, rows.count)
                shell.restore(StoreBatch(tasks: Array(rows[start..<end])))
                start = end
                after(200) { next() }
            }
            next()
        }
    }

    override func accept(_ socket: Socket) -> Bool {
        guard let shell, !isEnding else { return false }
        MasterSocket(self, shell, socket).open()
        return true
    }

    /// Asks it to end, as by SIGTERM.
    func stop() {
        guard let shell, !isEnding else { return }
        isEnding = true
        shell.announceEnd(waitingMicroseconds: Self.shutdownMicroseconds * 3 / 4)
        shell.shutDown()
        drained(by: world.now + Self.shutdownMicroseconds)
    }

    private func drained(by end: Int64) {
        guard let shell else { return }
        guard sockets.isEmpty || world.now >= end else {
            return after(20_000) { [self] in drained(by: end) }
        }
        shell.end()
        closed(by: end)
    }

    private func closed(by end: Int64) {
        guard store?.isIdle == true || world.now >= end else { return after(20_000) { [self] in closed(by: end) } }
        candidate?.release()
        kill()
    }
}

/// The event loop and the store of its shell.
extension MasterProcess: ShellHost {
    var now: Tick { tick }
    var monotonicMicroseconds: Int64 { world.now }

    func execute(_ step: ShellStep) { schedule(step, inMicroseconds: 0) }

    func schedule(_ step: ShellStep, inMicroseconds microseconds: Int64) {
        after(microseconds) { [self] in shell?.perform(step) }
    }

    var keepsRows: Bool { true }
    var storeHealth: StoreHealth { StoreHealth() }

    func commit(_ batch: StoreBatch) -> StoreAnswer {
        guard let store else { return .later }
        world.cluster.checkers.batch(batch, isLeader: store.isLeader)
        store.commit(
            batch,
            refused: { [self] in refusedRows = $0 },
            done: { [self] result in
                let rows = refusedRows
                refusedRows = []
                shell?.committed(result, refused: rows)
            }
        )
        return .later
    }

    func read(_ query: Effects.Query) {
        world.used("query of the store")
        store?.read(query.query) { [self] page in
            shell?.answered(query, page.map { .success($0) } ?? .failure(StoreError("it is away")))
        }
    }

    func tell(denials: [Denial], leftOut: Int) {}

    func tell(_ news: ShellNews) {
        switch news {
        case .standingBy, .storeBack, .storeNotRead, .adoptionFailed: break
        case .leading: world.trace("\(name) leads")
        case .leftOut(_, let ids): world.fail("restore", "\(name) cannot take the rows of \(ids)", task: ids.first)
        case .storeLate: world.used("store late")
        case .storeFailed(let error):
            world.used(error.isLeadLost ? "lead lost" : "store failed")
            // It ends, and is restarted by whoever watches it.
            after(10_000) { [self] in kill() }
        case .stalled: watchedUntil = world.now + Self.watchedMicroseconds
        case .notRead: world.used("session closed unread")
        case .refused(let code): world.used("connection refused: \(code.rawValue)")
        case .backedUp: world.used("backed-up session")
        case .heldBack: world.used("back-pressure by the store")
        case .sentAhead: world.used("free lines while late")
        }
    }
}
