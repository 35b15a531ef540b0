import PodlingCore
import PodlingStore
import StoreTesting
import Testing

@testable import PodlingSimulator

/// The simulated store keeps to what the real ones promise; else what the simulator shows would not hold for them.
@Suite struct SimulatedStoreTests {
    /// A world whose cluster is not started: its database, and stores that only the checks use.
    ///
    /// The simulated store keeps no transitions, since the simulated masters are not audited; and it does not give up,
    /// since a simulated master that goes down ends with its store.
    private final class Stand: StoreStand {
        let promises = StorePromises(keepsRows: true, keepsEvents: false, givesUp: false)
        let now = World.wallStart + 123
        private let world: World
        private var lastHost = 0
        private var database: Database { world.cluster.database }

        init() {
            var configuration = SimulatorConfiguration(seed: 1, events: 0)
            configuration.faults = .none
            configuration.faults.insert(.refusedRow)
            world = World(configuration)
        }

        func open(_ address: String, hasLongLease: Bool, heldMax: Int) async throws -> any StoreInTest {
            lastHost += 1
            return SimulatedStore(world, host: lastHost, address: address, heldMax: heldMax)
        }

        func takeLeadAway() async throws {
            _ = database.takeLead(holder: 99, address: "other:1", milliseconds: 3_600_000)
        }

        /// New tasks with such names are refused at any time.
        func refuseRows() async throws { database.refusesChanges = true }

        func holdUp() async throws { database.stall(milliseconds: 3_600_000) }
        func goOn() async throws { database.heal() }
    }

    @Test(arguments: StoreCheck.allCases)
    func itKeepsToWhatStoresPromise(check: StoreCheck) async throws { try await check.run(on: Stand()) }
}

/// The store of a simulated master, with its candidate, as `MasterProcess` has them.
private final class SimulatedStore: StoreInTest {
    /// How long anything may take, by the world's clock.
    private static let waitMilliseconds: Int64 = 600_000

    private let world: World
    private let process: PodlingSimulator.Process
    private let store: StoreClient
    private let heldMax: Int
    private var candidate: Candidate?
    private var newsKept: [StoreLeadership] = []
    private var answersKept: [CommitAnswer] = []
    private var handed = 0
    private(set) var answerCount = 0

    init(_ world: World, host: Int, address: String, heldMax: Int) {
        self.world = world
        self.heldMax = heldMax
        process = PodlingSimulator.Process(world, address, host: host)
        store = StoreClient(process, world.cluster.database, holder: host)
        process.begin()
        let candidate = Candidate(process, world.cluster.database, holder: host, address: address) { news, epoch in
            self.follow(news, epoch)
        }
        self.candidate = candidate
        candidate.begin()
    }

    var keepsRows: Bool { true }

    private func follow(_ news: StoreLeadership, _ epoch: Int) {
        switch news {
        case .leading: store.epoch = epoch
        case .lost: store.lostLead()
        case .standby: break
        }
        newsKept.append(news)
    }

    private func run(until isDone: () -> Bool) { world.run(milliseconds: Self.waitMilliseconds, until: isDone) }

    func news() async -> StoreLeadership? {
        run { !newsKept.isEmpty }
        return newsKept.isEmpty ? nil : newsKept.removeFirst()
    }

    func commit(_ batch: StoreBatch) -> StoreAnswer {
        var refused: [RefusedRow] = []
        let number = handed
        handed += 1
        store.commit(
            batch,
            refused: { refused += $0 },
            done: { [self] result in
                answerCount += 1
                answersKept.append(CommitAnswer(batch: number, result: result, refused: refused))
            }
        )
        return .later
    }

    func answers(_ count: Int) async -> [CommitAnswer] {
        run { answersKept.count >= count }
        defer { answersKept.removeFirst(min(count, answersKept.count)) }
        return Array(answersKept.prefix(count))
    }

    func load() async throws -> [StoreBatch] {
        let database = world.cluster.database
        var first = StoreBatch()
        first.nodes = database.nodes.values.sorted { $0.id < $1.id }
        first.lastTaskID = database.lastTaskID
        return [first, StoreBatch(tasks: database.loaded(heldMax: heldMax))]
    }

    func read(_ query: StoreQuery) async -> Result<StorePage, StoreError> {
        var page: StorePage??
        store.read(query) { page = .some($0) }
        run { page != nil }
        guard let page, let page else { return .failure(StoreError("the database does not answer")) }
        return .success(page)
    }

    func giveUp(inMilliseconds milliseconds: Int) {}

    func close() async {
        run { store.isIdle }
        candidate?.release()
        candidate = nil
        process.kill()
    }
}
