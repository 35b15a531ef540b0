import PodlingCore

/// The sessions whose peers send no more: each is looked at again only once something of it has ended.
struct HalfClosedSessions {
    enum Outcome {
        case closed
        /// Something it sent is in a turn that has not left.
        case waitsForTurn
        /// It is due more, or has lines left: its next frame brings it back here.
        case waitsForFrames
    }

    private var generations: [Int: UInt32] = [:]
    private var candidates: [SessionID] = []

    /// Also for one that is here already, when it was sent something.
    mutating func add(_ id: SessionID) {
        generations[id.slot] = id.generation
        candidates.append(id)
    }

    /// Something was sent to the session in this slot.
    mutating func sent(_ slot: Int) {
        guard !generations.isEmpty, let generation = generations[slot] else { return }
        candidates.append(SessionID(slot: slot, generation: generation))
    }

    mutating func remove(_ id: SessionID) {
        if generations[id.slot] == id.generation { generations[id.slot] = nil }
    }

    /// Those to look at now; the caller says with `add` which of them to look at after the next turn.
    mutating func takeCandidates() -> [SessionID] {
        guard !candidates.isEmpty else { return [] }
        defer { candidates.removeAll(keepingCapacity: true) }
        return candidates.filter { generations[$0.slot] == $0.generation }
    }
}
