import DequeModule
import PodlingCore
import PodlingProtocol
import PodlingStore

/// A master: the real `MasterCore` with `SessionFlow` and `TurnQueue`, in a shell that is all events.
///
/// It is the counterpart of the event loop's shell (Sources/Master/Loop), and each method here bears the name of the one
/// there.
final class MasterProcess: Process {
    private static let tickMicroseconds: Int64 = 250_000
    private static let stallMilliseconds: Int64 = 1_000
    static let lateMilliseconds: Int64 = 1_000
    static let shutdownMicroseconds: Int64 = 5_000_000

    let number: Int
    let address: String
    let database: Database
    private(set) var store: StoreClient?
    private var candidate: Candidate?
    var shell: MasterShell?
    /// Whether it was asked to end.
    private var isEnding = false

    init(_ world: World, number: Int, host: Int, database: Database) {
        self.number = number
        self.database = database
        address = "m\(number):7070"
        super.init(world, "master m\(number)", host: host)
    }

    var isLeading: Bool { shell?.isLeading == true }

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
        let shell = MasterShell(self, store, core)
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
        shell.accept(socket)
        return true
    }

    /// Asks it to end, as by SIGTERM.
    func stop() {
        guard let shell, !isEnding else { return }
        isEnding = true
        shell.announceEnd()
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

    /// Its store has failed: it ends, and is restarted by whoever watches it.
    func storeFailed() { after(10_000) { [self] in kill() } }
}
