import PodlingAgent
import PodlingCore

/// All checkers: what the components tell them goes to those that want to know it.
final class Checkers {
    let acknowledged: AcknowledgedChecker
    let attempts: AttemptChecker
    let outcomes: OutcomeChecker
    let durability: DurabilityChecker
    let leases: LeaseChecker
    let rows: RowsChecker
    let leader: LeaderChecker
    let machines: MachinesChecker
    let liveness: LivenessChecker

    init(_ world: World, _ database: Database, _ ledger: Ledger) {
        acknowledged = AcknowledgedChecker(world, database)
        attempts = AttemptChecker(world, database, acknowledged)
        outcomes = OutcomeChecker(world, ledger, attempts)
        durability = DurabilityChecker(world, database, acknowledged)
        leases = LeaseChecker(world, attempts)
        rows = RowsChecker(world, database)
        leader = LeaderChecker(world)
        machines = MachinesChecker(world)
        liveness = LivenessChecker(world)
    }

    // MARK: The database

    /// A row becomes durable.
    func writes(_ before: TaskRow?, _ after: TaskRow) {
        outcomes.writes(before, after)
        leases.writes(before, after)
    }

    func wrote(epoch: Int, holder: Int) { leader.wrote(epoch: epoch, holder: holder) }
    func lost(_ rows: [String: TaskRow]) { acknowledged.lost(rows) }
    func settled() { acknowledged.settled() }
    func gaveUpLost() { acknowledged.gaveUpLost() }

    // MARK: Masters

    /// A master hands a batch to its store; one that no longer leads, and does not know it yet, may say anything.
    func batch(_ batch: StoreBatch, isLeader: Bool) { if isLeader { acknowledged.batch(batch) } }
    func leaves(_ lines: UnsafeRawBufferPointer, from master: Process) { durability.leaves(lines, from: master) }

    // MARK: Workers and engines

    func assigned(_ key: AttemptKey, to node: String) { durability.assigned(key, to: node) }
    func mayStart(_ key: AttemptKey, by worker: WorkerProcess) { leases.mayStart(key, by: worker) }
    func started(_ key: AttemptKey, on engine: Engine) { attempts.started(key, on: engine) }
    func exited(_ key: AttemptKey, _ code: Int, on engine: Engine) { attempts.exited(key, code) }

    func acknowledgedReport(_ key: AttemptKey, _ report: AttemptReport, of node: String) {
        acknowledged.report(key, report)
    }

    func afterStall(_ master: MasterProcess) { machines.check(master) }

    // MARK: Now and then

    func checkAll(_ masters: [MasterProcess]) {
        for master in masters {
            guard master.isServing else { continue }
            machines.check(master)
            rows.check(master)
        }
    }

    func checkRest(_ cluster: Cluster) {
        acknowledged.checkRest()
        liveness.check(cluster)
    }
}
