import DequeModule
import NIOCore
import PodlingCore
import PodlingProtocol

/// What one turn wants done, until it is.
final class Turn {
    var effects = Effects()
    var isDurable = false
    var number = 0
    /// Tasks of its batch that the store has refused before.
    var retried: [TaskID] = []
    /// When it began to wait for the store.
    var heldSince = NIODeadline.uptimeNanoseconds(0)
}

/// The turns whose changes are not durable yet, and those that came after them.
struct HeldTurns {
    private var turns = Deque<Turn>()
    /// By the slot of the session: how many runs of lines wait for it.
    private var frameCounts: [Int32] = []

    var isEmpty: Bool { turns.isEmpty }
    var count: Int { turns.count }
    /// Of all that is to be sent.
    private(set) var byteCount = 0

    mutating func append(_ turn: Turn) {
        turn.heldSince = .now()
        turns.append(turn)
        byteCount += turn.effects.byteCount
        for frame in turn.effects.frames { count(frame.session.slot, 1) }
    }

    /// The oldest turn that was not durable is so now.
    /// - Returns: the tasks that its batch has tried again.
    func markOldestDurable() -> [TaskID] {
        guard let turn = turns.first(where: { !$0.isDurable }) else { return [] }
        turn.isDurable = true
        return turn.retried
    }

    /// Takes out what is not so, as the store has refused tasks of the oldest turn that is not durable yet.
    ///
    /// - Parameters:
    ///   - new: tasks that no store has: in later turns, too, nothing may say that they are there.
    ///   - changed: those that it has an earlier version of.
    ///   - texts: of all of their ids.
    /// - Returns: the tasks whose assignment is left out.
    mutating func withhold(
        new: [TaskID: WireError],
        changed: [TaskID: WireError],
        texts: [[UInt8]: TaskID]
    ) -> Set<TaskID> {
        guard let first = turns.firstIndex(where: { !$0.isDurable }) else { return [] }
        let newTexts = texts.filter { new[$0.value] != nil }
        var untold: Set<TaskID> = []
        for index in first..<(new.isEmpty ? first + 1 : turns.count) {
            let turn = turns[index]
            byteCount -= turn.effects.byteCount
            for frame in turn.effects.frames { count(frame.session.slot, -1) }
            if index == first {
                untold.formUnion(turn.effects.withhold(new.merging(changed) { one, _ in one }, texts: texts))
            } else {
                untold.formUnion(turn.effects.withhold(new, texts: newTexts))
            }
            byteCount += turn.effects.byteCount
            for frame in turn.effects.frames { count(frame.session.slot, 1) }
        }
        return untold
    }

    /// The oldest turn, if nothing holds it any more.
    mutating func popDurable() -> Turn? {
        guard let first = turns.first, first.isDurable else { return nil }
        turns.removeFirst()
        byteCount -= first.effects.byteCount
        for frame in first.effects.frames { count(frame.session.slot, -1) }
        return first
    }

    /// Takes out the turns that answer reads only, of sessions for which nothing else waits.
    mutating func takeAnswers() -> [Turn] {
        var waiting: Set<Int32> = []
        var taken: [Turn] = []
        turns.removeAll { turn in
            let slots = turn.effects.frames.map(\.session.slot) + turn.effects.queries.map(\.session.slot)
            guard turn.isDurable, turn.effects.isAnswersOnly, waiting.isDisjoint(with: slots) else {
                waiting.formUnion(slots)
                return false
            }
            taken.append(turn)
            return true
        }
        for turn in taken {
            byteCount -= turn.effects.byteCount
            for frame in turn.effects.frames { count(frame.session.slot, -1) }
        }
        return taken
    }

    /// All that waits, in its order, which then waits no longer.
    mutating func takeAll() -> [Turn] {
        defer { removeAll() }
        return Array(turns)
    }

    mutating func removeAll() {
        turns.removeAll()
        byteCount = 0
        frameCounts.removeAll()
    }

    /// Whether lines for the session in this slot wait, or for one that had it before.
    func holds(_ slot: Int32) -> Bool { Int(slot) < frameCounts.count && frameCounts[Int(slot)] > 0 }

    /// How long the oldest has waited.
    var age: TimeAmount { turns.first.map { NIODeadline.now() - $0.heldSince } ?? .zero }

    private mutating func count(_ slot: Int32, _ difference: Int32) {
        while frameCounts.count <= Int(slot) { frameCounts.append(0) }
        frameCounts[Int(slot)] += difference
    }
}
