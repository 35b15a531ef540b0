/// All connections, by slot.
struct SessionTable {
    private var sessions: [Session] = []
    /// The connection whose line is being executed.
    private(set) var acting: SessionID?

    /// The session of a connection that is open, or was the last in its slot; check `isOpen` first if it may be closed.
    subscript(_ id: SessionID) -> Session {
        @inline(__always)
        _read { yield sessions[id.slot] }
        @inline(__always)
        _modify { yield &sessions[id.slot] }
    }

    @inline(__always)
    func isOpen(_ id: SessionID) -> Bool { id.slot < sessions.count && sessions[id.slot].generation == id.generation }

    /// Whether a subscription still exists: its connection is open, and has not ended it.
    func isWaiting(_ id: SessionID, _ number: Int) -> Bool {
        isOpen(id) && sessions[id.slot].subscriptions[number] != nil
    }

    /// Open connections, in the order of their slots.
    var open: [SessionID] {
        sessions.indices.lazy.filter { sessions[$0].isOpen }
            .map { SessionID(slot: $0, generation: sessions[$0].generation) }
    }

    /// Notes whose line is being executed.
    mutating func beginActing(_ id: SessionID) { acting = id }

    mutating func endActing() { acting = nil }

    mutating func insert(_ session: Session, _ id: SessionID) {
        while sessions.count <= id.slot { sessions.append(.closed) }
        sessions[id.slot] = session
    }

    mutating func close(_ id: SessionID) { sessions[id.slot] = .closed }
}
