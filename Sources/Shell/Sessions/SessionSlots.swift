import PodlingCore

/// The open sessions by their slots, and those that lines were delivered to since the last flush.
struct SessionSlots {
    private struct Slot {
        var sink: (any SessionSink)?
        var generation: UInt32 = 0
        var isDirty = false
    }

    private var slots: [Slot] = []
    private var free: [Int] = []
    private var nextGeneration: UInt32 = 1
    private var dirty: [Int] = []
    private(set) var count = 0

    var sinks: [any SessionSink] { slots.compactMap(\.sink) }

    mutating func open(_ sink: any SessionSink) -> SessionID {
        let slot = free.popLast() ?? slots.count
        if slot == slots.count { slots.append(Slot()) }
        let id = SessionID(slot: slot, generation: nextGeneration)
        nextGeneration &+= 1
        slots[slot].sink = sink
        slots[slot].generation = id.generation
        count += 1
        return id
    }

    mutating func close(_ id: SessionID) {
        slots[id.slot].sink = nil
        free.append(id.slot)
        count -= 1
    }

    /// The peer's end of a session; nil where it is closed.
    func sink(of id: SessionID) -> (any SessionSink)? {
        slots[id.slot].generation == id.generation ? slots[id.slot].sink : nil
    }

    // MARK: Delivery

    /// The peer's end of a session that lines are delivered to now; it is due for a flush.
    mutating func sinkToDeliver(to id: SessionID) -> (any SessionSink)? {
        guard let sink = sink(of: id) else { return nil }
        if !slots[id.slot].isDirty {
            slots[id.slot].isDirty = true
            dirty.append(id.slot)
        }
        return sink
    }

    /// Removes and returns the next slot that is due for a flush, that of the last delivery first.
    mutating func takeDirty() -> (slot: Int, sink: (any SessionSink)?)? {
        guard let slot = dirty.popLast() else { return nil }
        slots[slot].isDirty = false
        return (slot, slots[slot].sink)
    }
}
