import PodlingAgent
import PodlingCore
import PodlingProtocol

/// What a row says is what happened: a stale report changes nothing (invariant 9), a terminal status is final (6),
/// attempts only increase and are bounded (5, 7, 10), and every task was submitted, under its key once (2, 4).
final class OutcomeChecker {
    private static let name = "stale reports change nothing"
    private static let forward = "rows move forward"

    private let world: World
    private let ledger: Ledger
    private let attempts: AttemptChecker
    /// The task that has an idempotency key, and whether it ended.
    private var byKey: [String: String] = [:]

    init(_ world: World, _ ledger: Ledger, _ attempts: AttemptChecker) {
        self.world = world
        self.ledger = ledger
        self.attempts = attempts
    }

    func writes(_ before: TaskRow?, _ after: TaskRow) {
        let id = after.idText
        world.trace(
            "row of \(id) (\((after.spec ?? before?.spec).flatMap(Ledger.name) ?? "")): \(after.status.name) in attempt \(after.attempt) on \(after.nodeID ?? "no node")"
        )
        if let before { follows(before, after) } else { isNew(after) }
        if after.importedAt == 0 { isTrue(after, id) }
        guard let submission = ledger.submission(of: after) else { return }
        let charged = after.attempt - after.unchargedAttempts
        if charged > submission.maxAttempts {
            world.fail(Self.forward, "\(id) has \(charged) attempts of \(submission.maxAttempts)", task: id)
        }
    }

    private func isNew(_ row: TaskRow) {
        let id = row.idText
        guard let spec = row.spec, let name = Ledger.name(in: spec) else {
            return world.fail(Self.forward, "\(id) is new and has no name", task: id)
        }
        if name == "hostile" { return }
        guard let submission = ledger.byName[name] else {
            return world.fail(Self.forward, "\(id) is new, and nobody submitted \(name)", task: id)
        }
        let database = world.cluster.database
        // A database that came back with less shows as live what has ended, until the leader has written it again.
        if !database.isBehind, let other = byKey[submission.key], other != id, let stored = database.tasks[other],
            !stored.row.status.isTerminal, !world.cluster.checkers.acknowledged.excused.contains(other)
        {
            return world.fail(Self.forward, "\(id) has the key of \(other), which is live", task: id)
        }
        byKey[submission.key] = id
    }

    private func follows(_ before: TaskRow, _ after: TaskRow) {
        let id = after.idText
        let checkers = world.cluster.checkers
        if world.cluster.database.tasks[id]?.isRefused == true || checkers.acknowledged.excused.contains(id) { return }
        if before.status.isTerminal {
            if (before.status, before.attempt, before.exitCode) != (after.status, after.attempt, after.exitCode) {
                world.fail(
                    Self.forward,
                    "\(id) was \(before.status.name) and becomes \(after.status.name)",
                    task: id
                )
            }
            return
        }
        let isSameAttempt = before.attempt == after.attempt && before.isAssigned && after.status != .pending
        if isSameAttempt, before.nodeID != after.nodeID {
            world.fail(Self.forward, "\(id)/\(after.attempt) changes its node", task: id)
        }
    }

    /// The end of an attempt is the end of its container.
    private func isTrue(_ row: TaskRow, _ id: String) {
        let key = AttemptKey(taskId: id, attempt: row.attempt)
        let saysExit = row.status == .completed || (row.status == .failed && row.reason == .exitCode)
        guard saysExit else { return }
        guard let code = attempts.exitCode(key), attempts.node(key) == row.nodeID else {
            return world.fail(Self.name, "\(id)/\(row.attempt) is \(row.status.name) and did not end", task: id)
        }
        guard code == row.exitCode, (code == 0) == (row.status == .completed) else {
            return world.fail(
                Self.name,
                "\(id)/\(row.attempt) ended with \(code) and is \(row.status.name), \(row.exitCode ?? -1)",
                task: id
            )
        }
    }
}

extension TaskRow {
    /// Whether a node has it.
    var isAssigned: Bool { status == .scheduled || status == .running }
}
