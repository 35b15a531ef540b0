import DequeModule
import NIOCore
import PodlingCore

/// What one turn wants done, until it is.
final class Turn {
    var effects = Effects()
    var isDurable = false
    var number = 0
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
    func markOldestDurable() { turns.first { !$0.isDurable }?.isDurable = true }

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
