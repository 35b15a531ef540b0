import DequeModule
import PodlingProtocol

/// The effects of one turn, held until its batch is durable.
package final class Turn {
    package var effects = Effects()
    package fileprivate(set) var isDurable = false
    package var number = 0
    /// Tasks of its batch that the store refused earlier and is being sent again.
    package var retried: [TaskID] = []
    /// The marks that say which of its lines speak of which task.
    package var rows: [TaskRow] = []
    /// Monotonic milliseconds at which it began to wait for the store.
    fileprivate var heldSince: Int64 = 0

    package init() {}

    /// Empties it, for reuse.
    package func clear() {
        effects.removeAll()
        if !retried.isEmpty { retried = [] }
        if !rows.isEmpty { rows = [] }
    }
}

/// The turns whose changes are not durable yet, and those behind them. Turns leave in order and once durable, except
/// for lines that need not wait (`takeFree`).
package struct TurnQueue {
    private var turns = Deque<Turn>()
    /// Runs of held lines, by the slot of their session.
    private var frameCounts: [Int] = []
    /// The tasks whose last changes are not durable, cached; nil if not computed since a turn became durable.
    private var unsettled: Set<TaskID>?

    package var isEmpty: Bool { turns.isEmpty }
    package var count: Int { turns.count }
    /// Bytes held, of all turns.
    package private(set) var byteCount = 0
    /// The queue is full beyond this many turns or bytes; when the oldest turn is older than this, the store is late.
    private let turnsMax: Int
    private let bytesMax: Int
    private let lateMilliseconds: Int64

    package init(turnsMax: Int, bytesMax: Int, lateMilliseconds: Int64) {
        (self.turnsMax, self.bytesMax, self.lateMilliseconds) = (turnsMax, bytesMax, lateMilliseconds)
    }

    package var isFull: Bool { count >= turnsMax || byteCount >= bytesMax }

    /// The store's state, by the number, size and age of the held turns.
    package func storeState(now: Int64) -> StoreState {
        age(now: now) <= lateMilliseconds ? .prompt : isFull ? .full : .late
    }

    /// - Parameters:
    /// - isDurable: the turn's own changes are durable; it waits only behind earlier turns.
    ///   - now: monotonic milliseconds.
    package mutating func append(_ turn: Turn, isDurable: Bool, now: Int64) {
        turn.isDurable = isDurable
        turn.heldSince = now
        turns.append(turn)
        countIn(turn)
        if !turn.isDurable { unsettled?.formUnion(turn.rows.lazy.map(\.id)) }
    }

    /// Marks the oldest turn that was not durable as durable.
    /// - Returns: the tasks of its batch that were retried.
    package mutating func markOldestDurable() -> [TaskID] {
        guard let turn = turns.first(where: { !$0.isDurable }) else { return [] }
        turn.isDurable = true
        turn.rows = []
        unsettled = nil
        return turn.retried
    }

    /// Withholds replies and assignments of tasks that the store refused from the batch of the oldest turn that is not
    /// durable.
    ///
    /// - Parameters:
    /// - new: tasks that the store has no version of; later turns must not report them either.
    /// - changed: tasks of which the store has an earlier version.
    /// - texts: the text of each of their ids.
    /// - Returns: the tasks whose assignment is withheld.
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

    /// Removes and returns the oldest turn if it is durable; nil otherwise.
    package mutating func popDurable() -> Turn? {
        guard let first = turns.first, first.isDurable else { return nil }
        turns.removeFirst()
        countOut(first)
        return first
    }

    /// Removes and returns the lines that need not wait for the store: those of all turns, or of the last one.
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
        // Durable turns that are empty now need not be held.
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

    /// Removes and returns all held lines, in order.
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

    /// Whether held lines are addressed to this slot's session, or to an earlier session of the slot.
    package func holds(_ slot: Int) -> Bool { slot < frameCounts.count && frameCounts[slot] > 0 }

    /// The age of the oldest held turn in milliseconds; 0 when none is held.
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
