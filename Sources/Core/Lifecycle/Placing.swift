import HeapModule
import PodlingProtocol

/// The next task of a shape, ordered between shapes by priority, then age.
private struct ShapeHead: Comparable {
    var priority: Int16
    var id: TaskID
    var shape: ShapeIndex

    static func < (one: ShapeHead, other: ShapeHead) -> Bool {
        one.priority != other.priority ? one.priority > other.priority : one.id < other.id
    }
}

extension MasterCore {
    private func head(of shape: ShapeIndex) -> ShapeHead? {
        guard let lane = pending.shapes[shape].lanes.first else { return nil }
        return ShapeHead(priority: lane.priority, id: tasks[lane.first].id, shape: shape)
    }

    // MARK: Placing

    /// The most pairs of a blocked shape and a node with new capacity that one turn examines; the rest follows in the
    /// next.
    private static let looksPerTurnMax = 65_536

    /// Assigns pending tasks to nodes with capacity, until one of the two runs out.
    mutating func placeTasks(into effects: inout Effects) {
        unblockShapes()
        guard !pending.shapes.ready.isEmpty, !state.isShuttingDown else { return }
        let ready = pending.takeReady()
        if ready.count == 1, let only = ready.first {
            while let slot = pending.first(of: only) {
                guard let node = bestNode(for: only) else { return pending.block(only) }
                assign(slot, to: node, into: &effects)
            }
            return
        }
        var heads = Heap<ShapeHead>()
        for shape in ready {
            if let head = head(of: shape) { heads.insert(head) }
        }
        while let next = heads.popMin() {
            guard let node = bestNode(for: next.shape), let slot = pending.first(of: next.shape) else {
                pending.block(next.shape)
                continue
            }
            assign(slot, to: node, into: &effects)
            if let head = head(of: next.shape) { heads.insert(head) }
        }
    }

    /// Makes blocked shapes ready that a node with new capacity could take.
    private mutating func unblockShapes() {
        if nodes.moveFreedToRoomy() { pending.lookThrough() }
        guard !nodes.roomy.isEmpty else { return }
        var left = max(1, Self.looksPerTurnMax / nodes.roomy.count)
        while left > 0, let shape = pending.nextToLookAt() {
            left -= 1
            pending.looked(at: shape, isWorthATry: nodes.roomy.contains { isFit(shape, $0) })
        }
        guard pending.shapes.isLookedThrough else { return }
        nodes.clearRoomy()
    }

    /// The node with the largest share of free slots, of those that can take the shape.
    private func bestNode(for shape: ShapeIndex) -> NodeIndex? {
        var best: NodeIndex?
        var bestFree = 0
        var bestSlots = 1
        for node in nodes.open where Fit.hasRoom(nodes[node], for: pending.shapes[shape].key) {
            let slots = nodes[node].slots
            let free = slots - nodes[node].used
            if best == nil || free * bestSlots > bestFree * slots {
                best = node
                bestFree = free
                bestSlots = slots
            }
        }
        return best
    }

    private func isFit(_ shape: ShapeIndex, _ node: NodeIndex) -> Bool {
        nodes[node].openPosition >= 0 && Fit.hasRoom(nodes[node], for: pending.shapes[shape].key)
    }

    private mutating func assign(_ slot: TaskSlot, to node: NodeIndex, into effects: inout Effects) {
        pending.remove(slot, &tasks.records)
        let key = pending.shapes[tasks[slot].shape].key
        if !tasks[slot].node.isNone { dropReference(tasks[slot].node) }
        nodes[node].references += 1
        tasks[slot].node = node
        nodes.add(slot, key, to: node, &tasks.records)
        tasks[slot].attempt += 1
        tasks[slot].scheduledAt = now.wall
        tasks[slot].deadline = now.monotonic + Int64(configuration.acceptMilliseconds)
        timers.set(node, by: tasks[slot].deadline)
        nodes.refreshOpen(node, now: now.monotonic)
        move(slot, to: .scheduled, .none)
        guard let session = nodes[node].session else { return }
        effects.beginEvent("assign", to: session)
        effects.writer.key("taskId")
        writeAttempt(slot, to: &effects.writer)
        effects.writer.key("spec")
        effects.writer.object(ofMembers: tasks[slot].spec)
        effects.endEvent()
        if tasks[slot].flags.contains(.observed) { openStreams(slot, into: &effects) }
    }
}
