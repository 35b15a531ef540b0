import PodlingCore

/// All that a world holds: the network, the database, the processes, and who disturbs them.
final class Cluster {
    /// How long everything may take to finish once faults have stopped.
    static let restMicroseconds: Int64 = 900_000_000
    private static let disturbMicroseconds: ClosedRange<Int64> = 20_000...600_000

    private unowned let world: World
    let network: Network
    let database: Database
    let ledger: Ledger
    let checkers: Checkers
    private(set) var masters: [MasterProcess] = []
    private(set) var workers: [WorkerProcess] = []
    private(set) var clients: [ClientProcess] = []
    private var random: SplitMix64

    init(_ world: World) {
        self.world = world
        let configuration = world.configuration
        random = world.split()
        network = Network(world, hosts: 1 + configuration.masters + configuration.workers + configuration.clients)
        database = Database(world, host: 0)
        ledger = Ledger(database)
        checkers = Checkers(world, database, ledger)
        var host = 1
        for number in 0..<configuration.masters {
            masters.append(MasterProcess(world, number: number + 1, host: host, database: database))
            host += 1
        }
        for number in 0..<configuration.workers {
            workers.append(WorkerProcess(world, number: number + 1, host: host))
            host += 1
        }
        for number in 0..<configuration.clients {
            clients.append(ClientProcess(world, "client \(number + 1)", host: host))
            host += 1
        }
    }

    private var processes: [Process] { masters + workers + clients }

    func start() {
        for process in processes {
            world.after(random.inside(0...200_000)) { process.begin() }
            watch(process)
        }
        disturbSoon()
    }

    /// Whoever watches a process starts it again when it is gone.
    private func watch(_ process: Process) {
        world.after(random.inside(100_000...2_000_000)) { [self] in
            if !process.isUp, !world.isFaulty || random.once(in: 3) { process.begin() }
            watch(process)
        }
    }

    // MARK: Faults

    private func disturbSoon() {
        world.after(random.inside(Self.disturbMicroseconds)) { [self] in
            guard world.isFaulty else { return }
            disturb()
            disturbSoon()
        }
    }

    private func strikes(_ fault: Fault, onceIn count: Int = 1) -> Bool { world.strikes(fault, onceIn: count, &random) }

    private func disturb() {
        let time = random.once(in: 4) ? random.inside(2_000...12_000) : random.inside(10...1_500)
        switch random.below(28) {
        case 0: if strikes(.killMaster) { random.pick(masters).kill() }
        case 1: if strikes(.stopMaster, onceIn: 2) { random.pick(masters).stop() }
        case 2: if strikes(.pauseMaster) { random.pick(masters).pause(milliseconds: time) }
        case 3, 4: if strikes(.killWorker) { random.pick(workers).kill() }
        case 5: if strikes(.stopWorker) { random.pick(workers).stop() }
        case 6: if strikes(.pauseWorker) { random.pick(workers).pause(milliseconds: time) }
        case 7: if strikes(.killClient) { random.pick(clients).kill() }
        case 8:
            if strikes(.stepClock) {
                random.pick(processes).stepClock(milliseconds: random.inside(-3_600_000...3_600_000))
            }
        case 9, 10: if strikes(.storeStall) { database.stall(milliseconds: time) }
        case 11: if strikes(.storeAway) { database.goAway(milliseconds: time) }
        case 12: if strikes(.storeLoss, onceIn: 8) { loseTail() }
        case 13: if strikes(.refusedRow) { database.refusesChanges.toggle() }
        case 14, 15:
            if strikes(.engineCrash) {
                random.pick(workers).engine.crash(milliseconds: time, endsContainers: random.once(in: 3))
            }
        case 16: if strikes(.containerLost) { random.pick(workers).engine.loseOne() }
        case 17, 18: if strikes(.oneWayLoss) { lose(isBothWays: false, time) }
        case 19, 20: if strikes(.partition) { lose(isBothWays: true, time) }
        default: break
        }
    }

    private func lose(isBothWays: Bool, _ milliseconds: Int64) {
        let one = random.pick(processes).host
        let other = random.once(in: 3) ? database.host : random.pick(masters).host
        guard one != other else { return }
        let (from, to) = random.once(in: 2) ? (one, other) : (other, one)
        network.lose(from: from, to: to, milliseconds: milliseconds)
        if isBothWays { network.lose(from: to, to: from, milliseconds: milliseconds) }
    }

    private func loseTail() {
        database.goAway(milliseconds: random.inside(50...1_500))
        database.loseTail(milliseconds: random.inside(10...2_000))
    }

    func heal() {
        network.heal()
        database.heal()
        for worker in workers { worker.engine.heal() }
        for process in processes { process.stepClock(milliseconds: 0) }
    }

    // MARK: Checks

    func checkAll() { checkers.checkAll(masters) }

    var isAtRest: Bool {
        checkers.liveness.unended(database) == nil && clients.allSatisfy(\.isAtRest)
            && workers.allSatisfy(\.hasConnection)
            && masters.contains { $0.isQuiet }
    }

    func checkRest() {
        checkers.checkRest(self)
    }
}
