/// The sessions whose peers have closed their sending side: each is checked again only after one of its pending
/// requests has ended.
package struct HalfClosedSessions {
    package enum Outcome {
        case closed
        /// Output for it is in a turn that has not been sent.
        case waitsForTurn
        /// It has pending replies or unprocessed lines: the next frame sent to it makes it a candidate again.
        case waitsForFrames
    }

    private var generations: [Int: UInt32] = [:]
    private var candidates: [SessionID] = []

    package init() {}

    /// Adds a session; also one that is here already, when a frame was sent to it.
    package mutating func add(_ id: SessionID) {
        generations[id.slot] = id.generation
        candidates.append(id)
    }

    /// Notes that a frame was sent to the session in this slot.
    package mutating func sent(_ slot: Int) {
        guard !generations.isEmpty, let generation = generations[slot] else { return }
        candidates.append(SessionID(slot: slot, generation: generation))
    }

    package mutating func remove(_ id: SessionID) {
        if generations[id.slot] == id.generation { generations[id.slot] = nil }
    }

    /// Takes the candidates to check now; the caller adds those again that are to be checked after the next turn.
    package mutating func takeCandidates() -> [SessionID] {
        guard !candidates.isEmpty else { return [] }
        defer { candidates.removeAll(keepingCapacity: true) }
        return candidates.filter { generations[$0.slot] == $0.generation }
    }
}
