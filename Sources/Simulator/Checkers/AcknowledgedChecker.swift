import PodlingAgent
import PodlingCore
import PodlingProtocol

/// What was acknowledged is never lost: tasks (invariants 1, 2 and 4), requests to cancel (15), reports (18).
///
/// A database that comes back with less may lose what ended before; what was live must be there once the leader has
/// written it again, unless that leader is gone.
final class AcknowledgedChecker {
    private static let name = "acknowledged is never lost"

    private let world: World
    private let database: Database
    /// The name of each acknowledged task, by id.
    private var tasks: [String: String] = [:]
    private var cancelled: Set<String> = []
    /// The rows that the database has lost, until they are written again.
    private var missing: [String: TaskRow] = [:]
    /// Tasks of which nothing is promised any more.
    private(set) var excused: Set<String> = []

    init(_ world: World, _ database: Database) {
        self.world = world
        self.database = database
    }

    func submitted(_ submission: Ledger.Submission, _ id: String) {
        guard !database.isBehind, !excused.contains(id) else { return }
        guard let row = database.tasks[id]?.row else {
            return world.fail(Self.name, "\(id) is acknowledged and has no row", task: id)
        }
        guard row.spec.flatMap(Ledger.name) == submission.name else {
            return world.fail(Self.name, "\(id) is not \(submission.name), which was submitted", task: id)
        }
        if let other = tasks[id], other != submission.name {
            return world.fail(Self.name, "\(id) is acknowledged for two tasks", task: id)
        }
        tasks[id] = submission.name
    }

    func cancelled(_ id: String) {
        guard !database.isBehind, !excused.contains(id), let stored = database.tasks[id], !stored.isRefused else {
            return
        }
        guard stored.row.isCancelRequested || stored.row.status.isTerminal else {
            return world.fail(Self.name, "the cancel of \(id) is acknowledged and not in its row", task: id)
        }
        cancelled.insert(id)
    }

    /// A master writes: it has not forgotten a request to cancel.
    func batch(_ batch: StoreBatch) {
        guard !cancelled.isEmpty else { return }
        for row in batch.tasks where !row.status.isTerminal && !row.isCancelRequested {
            let id = row.idText
            guard cancelled.contains(id), !excused.contains(id) else { continue }
            world.fail(Self.name, "the cancel of \(id) is forgotten", task: id)
        }
    }

    func report(_ key: AttemptKey, _ report: AttemptReport) {
        let id = key.taskId
        guard !database.isBehind, !excused.contains(id), database.tasks[id]?.isRefused != true else { return }
        guard let row = database.tasks[id]?.row else {
            return world.fail(Self.name, "a report of \(id) is acknowledged, and there is no row", task: id)
        }
        let step =
            switch report.status {
            case .scheduled: 0
            case .running: 1
            case .completed, .failed, .cancelled: 3
            }
        guard (row.attempt, row.stepInAttempt) >= (key.attempt, step) else {
            return world.fail(
                Self.name,
                "\(report.status) of \(id)/\(key.attempt) is acknowledged and not durable",
                task: id
            )
        }
    }

    // MARK: A database that comes back with less

    /// A task had ended and was evicted, and the database has lost how: it is failed there.
    func excuse(_ id: String) { excused.insert(id) }

    func lost(_ rows: [String: TaskRow]) {
        for (id, row) in rows {
            if let before = missing[id], (before.attempt, before.stepInAttempt) > (row.attempt, row.stepInAttempt) {
                continue
            }
            missing[id] = row
        }
    }

    /// The leader says that everything is written again.
    func settled() {
        for (id, row) in missing.sorted(by: { $0.key < $1.key }) {
            let there = database.tasks[id]
            if row.status.isTerminal || there?.isRefused == true {
                excused.insert(id)
            } else if tasks[id] != nil, !excused.contains(id) {
                guard let there, (there.row.attempt, there.row.stepInAttempt) >= (row.attempt, row.stepInAttempt) else {
                    return world.fail(
                        Self.name,
                        "\(id) was lost by the database as \(row.status.name) of \(row.attempt), and written again as "
                            + "\(there.map { "\($0.row.status.name) of \($0.row.attempt)" } ?? "nothing")",
                        task: id
                    )
                }
            }
        }
        missing = [:]
    }

    /// Nobody holds any more what was lost.
    func gaveUpLost() {
        excused.formUnion(missing.keys)
        missing = [:]
    }

    func checkRest() {
        for id in tasks.keys.sorted() where !excused.contains(id) && database.tasks[id] == nil {
            return world.fail(Self.name, "\(id) was acknowledged and is gone", task: id)
        }
    }
}
