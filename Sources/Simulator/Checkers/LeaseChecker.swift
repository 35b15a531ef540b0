import PodlingAgent
import PodlingCore
import PodlingProtocol

/// A worker starts nothing after its lease (invariant 12), and no task is taken from one that trusts its lease and runs
/// it (11).
final class LeaseChecker {
    private static let name = "nothing starts after the lease"
    /// Both sides count in whole milliseconds.
    private static let toleranceMicroseconds: Int64 = 2_000

    private let world: World
    private let attempts: AttemptChecker

    init(_ world: World, _ attempts: AttemptChecker) {
        self.world = world
        self.attempts = attempts
    }

    func mayStart(_ key: AttemptKey, by worker: WorkerProcess) {
        guard worker.lease.trustedUntil + Self.toleranceMicroseconds < world.now else { return }
        world.fail(Self.name, "\(worker.node) starts \(key.taskId)/\(key.attempt) after its lease", task: key.taskId)
    }

    func writes(_ before: TaskRow?, _ after: TaskRow) {
        guard let before, before.isAssigned, let node = before.nodeID else { return }
        guard after.attempt > before.attempt || after.status == .pending else { return }
        let key = AttemptKey(taskId: before.idText, attempt: before.attempt)
        // The database has lost what said that it runs there.
        guard !world.cluster.checkers.acknowledged.excused.contains(key.taskId) else { return }
        guard attempts.isLive(key), let worker = world.cluster.workers.first(where: { $0.node == node }), worker.isUp,
            worker.lease.trustedUntil > world.now + Self.toleranceMicroseconds
        else { return }
        world.fail(
            Self.name,
            "\(key.taskId)/\(key.attempt) is taken from \(node), which runs it and trusts its lease",
            task: key.taskId
        )
    }
}
