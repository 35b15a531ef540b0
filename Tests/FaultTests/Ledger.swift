import Synchronization

/// A ledger of requests and replies; compared, after the faults, with the actual state.
final class Ledger: Sendable {
    private struct State {
        var attempted: Set<String> = []
        /// By name: the task that the master acknowledged.
        var acknowledged: [String: String] = [:]
        var ambiguous: Set<String> = []
        var refused: Set<String> = []
        var starts: Set<Attempt> = []
        var ends: [String: String] = [:]
        /// Tasks whose workers reported them failed.
        var failures: Set<String> = []
        var faults: [String] = []
        var doubleStarts = 0
        var changes = 0
        var missing = 0
        var lastAcknowledged: ContinuousClock.Instant?
        var longestGap = Duration.zero
    }

    /// Faults that are described in words.
    private static let wordsMax = 10

    private let state = Mutex(State())

    var acknowledgedCount: Int { state.withLock { $0.acknowledged.count } }

    func attempted(_ name: String) { state.withLock { _ = $0.attempted.insert(name) } }

    func acknowledged(_ name: String, as task: String) {
        state.withLock { state in
            if let before = state.acknowledged.updateValue(task, forKey: name), before != task {
                state.missing += 1
                Self.tell("\(name) was \(before), is \(task)", &state)
            }
            state.refused.remove(name)
            let now = ContinuousClock.now
            state.longestGap = max(state.longestGap, (state.lastAcknowledged ?? now).duration(to: now))
            state.lastAcknowledged = now
        }
    }

    /// Records that the connection was lost before the reply.
    func ambiguous(_ name: String) { state.withLock { _ = $0.ambiguous.insert(name) } }

    /// Records that the master rejected the request, and changed nothing.
    func refused(_ name: String) {
        state.withLock { state in
            guard !state.ambiguous.contains(name) else { return }
            state.refused.insert(name)
        }
    }

    func started(_ attempt: Attempt) {
        state.withLock { state in
            guard !state.starts.insert(attempt).inserted else { return }
            state.doubleStarts += 1
            Self.tell("\(attempt) was started twice", &state)
        }
    }

    /// Records a terminal report that the master accepted. What has failed after a cancel is cancelled.
    func reported(_ task: String, _ status: String) {
        if status == "failed" { state.withLock { _ = $0.failures.insert(task) } } else { ended(task, status) }
    }

    /// Records the terminal status that the master reported.
    func ended(_ task: String, _ status: String) {
        state.withLock { state in
            guard let before = state.ends.updateValue(status, forKey: task), before != status else { return }
            state.changes += 1
            Self.tell("\(task) ended as \(before), then as \(status)", &state)
        }
    }

    func missing(_ task: String) {
        state.withLock { state in
            state.missing += 1
            Self.tell("\(task) was acknowledged and is not found", &state)
        }
    }

    private static func tell(_ words: String, _ state: inout State) {
        if state.faults.count < wordsMax { state.faults.append(words) }
    }

    /// Compares the ledger with the master's list and the table.
    func compare(listed: [Listed], rows: [Listed]) -> Counts {
        state.withLock { state in
            let byName = Dictionary(grouping: listed, by: \.name)
            let known = Set(listed.map(\.task))
            var counts = Counts()
            counts.attempted = state.attempted.count
            counts.acknowledged = state.acknowledged.count
            counts.ambiguous = state.ambiguous.count
            counts.refused = state.refused.count
            counts.recovered = state.ambiguous.count { state.acknowledged[$0] == nil && byName[$0] != nil }
            counts.starts = state.starts.count
            counts.lost = state.missing
            counts.stallSeconds = state.longestGap / .seconds(1)
            for (name, task) in state.acknowledged where !known.contains(task) {
                counts.lost += 1
                Self.tell("\(name), \(task), was acknowledged and is not listed", &state)
            }
            for (name, tasks) in byName {
                if !state.attempted.contains(name) || state.refused.contains(name) {
                    counts.phantom += 1
                    Self.tell("\(name) was never submitted, or refused", &state)
                }
                guard tasks.count > 1 else { continue }
                counts.twice += 1
                Self.tell("\(name) is there \(tasks.count) times", &state)
            }
            let differing = Set(listed).symmetricDifference(rows)
            counts.twoStates = Set(differing.map(\.task)).count
            for one in differing.prefix(4) { Self.tell("listed or in the table, not both: \(one)", &state) }
            counts.changed = state.changes
            for task in listed
            where state.failures.contains(task.task) && !["failed", "cancelled"].contains(task.status) {
                counts.changed += 1
                Self.tell("\(task.task) was reported failed, is \(task.status)", &state)
            }
            for task in listed {
                guard let end = state.ends[task.task], end != task.status else { continue }
                counts.changed += 1
                Self.tell("\(task.task) ended as \(end), is \(task.status)", &state)
            }
            counts.doubleStarts = state.doubleStarts
            counts.words = state.faults
            return counts
        }
    }
}

/// The outcome of a load.
struct Counts: CustomStringConvertible {
    var attempted = 0
    var acknowledged = 0
    var ambiguous = 0
    /// Ambiguous, never acknowledged, and found.
    var recovered = 0
    var refused = 0
    /// Attempts assigned to workers.
    var starts = 0
    var lost = 0
    var phantom = 0
    /// Submits, with an idempotency key, that made two tasks.
    var twice = 0
    var doubleStarts = 0
    var twoStates = 0
    var changed = 0
    /// The longest time in which nothing was acknowledged.
    var stallSeconds = 0.0
    var words: [String] = []

    var faults: Int { lost + phantom + twice + doubleStarts + twoStates + changed }

    var description: String {
        "attempted=\(attempted) acknowledged=\(acknowledged) ambiguous=\(ambiguous) recovered=\(recovered) "
            + "refused=\(refused) starts=\(starts) lost=\(lost) phantom=\(phantom) twice=\(twice) "
            + "double_starts=\(doubleStarts) two_states=\(twoStates) changed=\(changed) "
            + "stall_seconds=\((stallSeconds * 10).rounded() / 10)"
    }
}
