import DequeModule
import PodlingProtocol

/// What one turn wants done, until it is.
package final class Turn {
    package var effects = Effects()
    package fileprivate(set) var isDurable = false
    package var number = 0
    /// Tasks of its batch that the store has refused before.
    package var retried: [TaskID] = []
    /// What its batch says of tasks.
    package var rows: [TaskRow] = []
    /// Monotonic milliseconds since which it waits for the store.
    fileprivate var heldSince: Int64 = 0

    package init() {}
}

/// The turns whose changes are not durable yet, and those that came after them: nothing of them leaves before its time, but
/// for what need not wait (`takeFree`).
package struct TurnQueue {
    private var turns = Deque<Turn>()
    /// By the slot of the session: how many runs of lines wait for it.
    private var frameCounts: [Int] = []
    /// The tasks whose last changes the store does not have yet, where that was asked since turns came or went.
    private var unsettled: Set<TaskID>?

    package var isEmpty: Bool { turns.isEmpty }
    package var count: Int { turns.count }
    /// Of all that is to be sent.
    package private(set) var byteCount = 0
    /// More turns or bytes than these are too much to hold; older than this, the store is late.
    private let turnsMax: Int
    private let bytesMax: Int
    private let lateMilliseconds: Int64

    package init(turnsMax: Int, bytesMax: Int, lateMilliseconds: Int64) {
        (self.turnsMax, self.bytesMax, self.lateMilliseconds) = (turnsMax, bytesMax, lateMilliseconds)
    }

    package var isFull: Bool { count >= turnsMax || byteCount >= bytesMax }

    /// How the store keeps up with what is held for it.
    package func storeState(now: Int64) -> StoreState {
        age(now: now) <= lateMilliseconds ? .prompt : isFull ? .full : .late
    }

    /// - Parameters:
    ///   - isDurable: nothing of it waits for the store, but for turns before it.
    ///   - now: monotonic milliseconds.
    package mutating func append(_ turn: Turn, isDurable: Bool, now: Int64) {
        turn.isDurable = isDurable
        turn.heldSince = now
        turns.append(turn)
        countIn(turn)
        if !turn.isDurable { unsettled?.formUnion(turn.rows.lazy.map(\.id)) }
    }

    /// The oldest turn that was not durable is so now.
    /// - Returns: the tasks that its batch has tried again.
    package mutating func markOldestDurable() -> [TaskID] {
        guard let turn = turns.first(where: { !$0.isDurable }) else { return [] }
        turn.isDurable = true
        turn.rows = []
        unsettled = nil
        return turn.retried
    }

    /// Takes out what is not so, as the store has refused tasks of the oldest turn that is not durable yet.
    ///
    /// - Parameters:
    ///   - new: tasks that no store has: in later turns, too, nothing may say that they are there.
    ///   - changed: those that it has an earlier version of.
    ///   - texts: of all of their ids.
    /// - Returns: the tasks whose assignment is left out.
    package mutating func withhold(
        new: [TaskID: WireError],
        changed: [TaskID: WireError],
        texts: [[UInt8]: TaskID]
    ) -> Set<TaskID> {
        guard let first = turns.firstIndex(where: { !$0.isDurable }) else { return [] }
        let newTexts = texts.filter { new[$0.value] != nil }
        var untold: Set<TaskID> = []
        for index in first..<(new.isEmpty ? first + 1 : turns.count) {
            let turn = turns[index]
            countOut(turn)
            if index == first {
                untold.formUnion(turn.effects.withhold(new.merging(changed) { one, _ in one }, texts: texts))
            } else {
                untold.formUnion(turn.effects.withhold(new, texts: newTexts))
            }
            countIn(turn)
        }
        return untold
    }

    /// The oldest turn, if nothing holds it any more.
    package mutating func popDurable() -> Turn? {
        guard let first = turns.first, first.isDurable else { return nil }
        turns.removeFirst()
        countOut(first)
        return first
    }

    /// Takes out what need not wait for the store: of all turns, or of the last.
    package mutating func takeFree(ofLastOnly isLastOnly: Bool) -> [Turn] {
        guard !turns.isEmpty else { return [] }
        let missing = unsettledTasks()
        let start = isLastOnly ? turns.count - 1 : 0
        for turn in turns[start...] { countOut(turn) }
        var taken: [Turn] = []
        for turn in turns[start...] {
            let free = Turn()
            free.number = turn.number
            free.effects = turn.effects.takeFree(
                isWaiting: { holds($0) },
                isUnsettled: { missing.contains($0) },
                error: Self.notSettled
            )
            countIn(turn)
            if !free.effects.isNothing { taken.append(free) }
        }
        // What is empty now stands in nobody's way.
        if turns.contains(where: { $0.isDurable && $0.effects.isEmpty }) {
            turns.removeAll { $0.isDurable && $0.effects.isEmpty }
        }
        return taken
    }

    private static let notSettled = WireError(
        .unavailable,
        "the store is late, and does not have the last change of this yet: what is so is not certain",
        retryAfterMilliseconds: 1_000
    )

    private mutating func unsettledTasks() -> Set<TaskID> {
        if let unsettled { return unsettled }
        var found: Set<TaskID> = []
        for turn in turns where !turn.isDurable { found.formUnion(turn.rows.lazy.map(\.id)) }
        unsettled = found
        return found
    }

    /// All that waits, in its order, which then waits no longer.
    package mutating func takeAll() -> [Turn] {
        defer { removeAll() }
        return Array(turns)
    }

    package mutating func removeAll() {
        turns.removeAll()
        byteCount = 0
        frameCounts.removeAll()
        unsettled = nil
    }

    /// Whether lines for the session in this slot wait, or for one that had it before.
    package func holds(_ slot: Int) -> Bool { slot < frameCounts.count && frameCounts[slot] > 0 }

    /// How long the oldest has waited, in milliseconds; 0 where there is none.
    package func age(now: Int64) -> Int64 { turns.first.map { now - $0.heldSince } ?? 0 }

    private mutating func countIn(_ turn: Turn) {
        byteCount += turn.effects.byteCount
        for frame in turn.effects.frames { count(frame.session.slot, 1) }
    }

    private mutating func countOut(_ turn: Turn) {
        byteCount -= turn.effects.byteCount
        for frame in turn.effects.frames { count(frame.session.slot, -1) }
    }

    private mutating func count(_ slot: Int, _ difference: Int) {
        while frameCounts.count <= slot { frameCounts.append(0) }
        frameCounts[slot] += difference
    }
}
