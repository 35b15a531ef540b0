import PodlingAgent
import PodlingCore

/// An attempt starts at most once and never has two live containers (invariants 7 and 8); what starts is assigned (13),
/// is not over (15), and fits (16).
final class AttemptChecker {
    private static let name = "an attempt starts at most once"

    private struct Attempt {
        var node: String
        var starts = 0
        var isLive = false
        var exitCode: Int?
    }

    private let world: World
    private let database: Database
    private let acknowledged: AcknowledgedChecker
    private var attempts: [AttemptKey: Attempt] = [:]

    init(_ world: World, _ database: Database, _ acknowledged: AcknowledgedChecker) {
        self.world = world
        self.database = database
        self.acknowledged = acknowledged
    }

    func started(_ key: AttemptKey, on engine: Engine) {
        world.used("start")
        world.trace("\(engine.node) starts \(key.taskId)/\(key.attempt)")
        // Where the database has lost an attempt for good, the next leader counts from what is left.
        if acknowledged.excused.contains(key.taskId) { attempts[key] = nil }
        var attempt = attempts[key] ?? Attempt(node: engine.node)
        attempt.starts += 1
        if attempt.isLive || attempt.starts > 1 || attempt.node != engine.node {
            return world.fail(
                Self.name,
                "\(key.taskId)/\(key.attempt) starts on \(engine.node), and was started on \(attempt.node)",
                task: key.taskId
            )
        }
        attempt.isLive = true
        attempts[key] = attempt
        checkRow(key, engine)
        checkRoom(engine)
    }

    private func checkRow(_ key: AttemptKey, _ engine: Engine) {
        let id = key.taskId
        guard !database.isBehind, !acknowledged.excused.contains(id) else { return }
        guard let stored = database.tasks[id] else {
            return world.fail(Self.name, "\(id) starts and has no row", task: id)
        }
        let row = stored.row
        guard !stored.isRefused else { return }
        if row.attempt < key.attempt || (row.attempt == key.attempt && row.nodeID != engine.node) {
            world.fail(Self.name, "\(id)/\(key.attempt) starts on \(engine.node) and is not assigned there", task: id)
        }
    }

    private func checkRoom(_ engine: Engine) {
        guard let worker = world.cluster.workers.first(where: { $0.engine === engine }) else { return }
        if engine.runningCount > worker.slotCount {
            world.fail(Self.name, "\(engine.node) runs \(engine.runningCount) containers in \(worker.slotCount) slots")
        }
    }

    func exited(_ key: AttemptKey, _ code: Int) {
        attempts[key]?.isLive = false
        attempts[key]?.exitCode = code
    }

    func isLive(_ key: AttemptKey) -> Bool { attempts[key]?.isLive == true }
    func exitCode(_ key: AttemptKey) -> Int? { attempts[key]?.exitCode }
    func node(_ key: AttemptKey) -> String? { attempts[key]?.node }
}
