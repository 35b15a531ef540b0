import HeapModule
import PodlingProtocol

/// The next task of a shape, for the order between shapes: priority first, then age.
private struct ShapeHead: Comparable {
    var priority: Int16
    var id: TaskID
    var shape: ShapeIndex

    static func < (one: ShapeHead, other: ShapeHead) -> Bool {
        one.priority != other.priority ? one.priority > other.priority : one.id < other.id
    }
}

extension MasterCore {
    // MARK: The queue

    mutating func enqueue(_ slot: TaskSlot, isRequeued: Bool) {
        let shape = tasks[slot].shape
        let priority = tasks[slot].priority
        var lane = 0
        while lane < shapes[shape].lanes.count, shapes[shape].lanes[lane].priority > priority { lane += 1 }
        if lane == shapes[shape].lanes.count || shapes[shape].lanes[lane].priority != priority {
            shapes[shape].lanes.insert(Lane(priority: priority), at: lane)
        }
        let last = isRequeued ? shapes[shape].lanes[lane].requeuedLast : shapes[shape].lanes[lane].freshLast
        tasks[slot].queuePrevious = last
        tasks[slot].queueNext = .none
        if !last.isNone { tasks[last].queueNext = slot }
        if isRequeued {
            tasks[slot].flags.insert(.requeued)
            shapes[shape].lanes[lane].requeuedLast = slot
            if last.isNone { shapes[shape].lanes[lane].requeuedFirst = slot }
        } else {
            shapes[shape].lanes[lane].freshLast = slot
            if last.isNone { shapes[shape].lanes[lane].freshFirst = slot }
        }
        shapes.wake(shape)
    }

    mutating func dequeue(_ slot: TaskSlot) {
        let shape = tasks[slot].shape
        let priority = tasks[slot].priority
        let previous = tasks[slot].queuePrevious
        let next = tasks[slot].queueNext
        guard let lane = shapes[shape].lanes.firstIndex(where: { $0.priority == priority }) else { return }
        if !previous.isNone { tasks[previous].queueNext = next }
        if !next.isNone { tasks[next].queuePrevious = previous }
        if tasks[slot].flags.contains(.requeued) {
            if previous.isNone { shapes[shape].lanes[lane].requeuedFirst = next }
            if next.isNone { shapes[shape].lanes[lane].requeuedLast = previous }
            tasks[slot].flags.remove(.requeued)
        } else {
            if previous.isNone { shapes[shape].lanes[lane].freshFirst = next }
            if next.isNone { shapes[shape].lanes[lane].freshLast = previous }
        }
        tasks[slot].queuePrevious = .none
        tasks[slot].queueNext = .none
        if shapes[shape].lanes[lane].first.isNone { shapes[shape].lanes.remove(at: lane) }
    }

    private func head(of shape: ShapeIndex) -> ShapeHead? {
        guard let lane = shapes[shape].lanes.first else { return nil }
        return ShapeHead(priority: lane.priority, id: tasks[lane.first].id, shape: shape)
    }

    // MARK: Placing

    /// How often a turn holds a blocked shape against a node with new room; the rest follows in the next.
    private static let looksPerTurnMax = 65_536

    /// Gives pending tasks to nodes with room, until one of the two runs out.
    mutating func placeTasks(into effects: inout Effects) {
        unblockShapes()
        guard !shapes.ready.isEmpty, !isShuttingDown else { return }
        let ready = shapes.takeReady()
        if ready.count == 1, let only = ready.first {
            while let slot = shapes[only].lanes.first?.first {
                guard let node = bestNode(for: only) else { return shapes.block(only) }
                assign(slot, to: node, into: &effects)
            }
            return
        }
        var heads = Heap<ShapeHead>()
        for shape in ready {
            if let head = head(of: shape) { heads.insert(head) }
        }
        while let next = heads.popMin() {
            guard let node = bestNode(for: next.shape), let slot = shapes[next.shape].lanes.first?.first else {
                shapes.block(next.shape)
                continue
            }
            assign(slot, to: node, into: &effects)
            if let head = head(of: next.shape) { heads.insert(head) }
        }
    }

    /// Shapes that a node with new room could take are worth a try again.
    private mutating func unblockShapes() {
        if !freedNodes.isEmpty {
            for node in freedNodes {
                nodes[node].isFreed = false
                if !nodes[node].isLookedFor {
                    nodes[node].isLookedFor = true
                    roomyNodes.append(node)
                }
            }
            freedNodes.removeAll(keepingCapacity: true)
            shapes.lookThrough()
        }
        guard !roomyNodes.isEmpty else { return }
        var left = max(1, Self.looksPerTurnMax / roomyNodes.count)
        while left > 0, let shape = shapes.nextToLookAt() {
            left -= 1
            shapes.looked(at: shape, isWorthATry: roomyNodes.contains { canTake(shape, $0) })
        }
        guard shapes.isLookedThrough else { return }
        for node in roomyNodes { nodes[node].isLookedFor = false }
        roomyNodes.removeAll(keepingCapacity: true)
    }

    /// The node with the largest share of its slots free, of those that can take the shape.
    private func bestNode(for shape: ShapeIndex) -> NodeIndex? {
        var best: NodeIndex?
        var bestFree = 0
        var bestSlots = 1
        let cpu = shapes[shape].key.cpuMillis
        let memory = shapes[shape].key.memoryBytes
        let hasSelector = !shapes[shape].key.selector.isEmpty
        for node in nodes.open where nodes[node].fits(cpuMillis: cpu, memoryBytes: memory) {
            if hasSelector, !hasLabels(node, shapes[shape].key.selector) { continue }
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

    private func canTake(_ shape: ShapeIndex, _ node: NodeIndex) -> Bool {
        guard nodes[node].openPosition >= 0 else { return false }
        let cpu = shapes[shape].key.cpuMillis
        let memory = shapes[shape].key.memoryBytes
        guard nodes[node].fits(cpuMillis: cpu, memoryBytes: memory) else { return false }
        let hasSelector = !shapes[shape].key.selector.isEmpty
        return !hasSelector || hasLabels(node, shapes[shape].key.selector)
    }

    private func hasLabels(_ node: NodeIndex, _ selector: [String]) -> Bool {
        stride(from: 0, to: selector.count, by: 2).allSatisfy { index in
            nodes[node].labels.contains { $0.key == selector[index] && $0.value == selector[index + 1] }
        }
    }

    private mutating func assign(_ slot: TaskSlot, to node: NodeIndex, into effects: inout Effects) {
        dequeue(slot)
        let key = shapes[tasks[slot].shape].key
        if !tasks[slot].node.isNone { nodes[tasks[slot].node].references -= 1 }
        nodes[node].references += 1
        nodes[node].used += 1
        nodes[node].cpuMillisUsed += key.cpuMillis
        nodes[node].memoryBytesUsed += key.memoryBytes
        tasks[slot].node = node
        tasks[slot].nodePosition = Int32(truncatingIfNeeded: nodes[node].attempts.count)
        tasks[slot].attempt += 1
        tasks[slot].scheduledAt = now.wall
        tasks[slot].deadline = now.monotonic + Int64(configuration.acceptMilliseconds)
        nodes[node].attempts.append(slot)
        refreshOpen(node)
        move(slot, to: .scheduled, .none)
        guard let session = nodes[node].session else { return }
        effects.begin(session)
        effects.writer.raw("{\"ev\":\"assign\",")
        writeAttempt(slot, to: &effects.writer)
        effects.writer.raw(",\"spec\":{")
        effects.writer.raw(tasks[slot].spec)
        effects.writer.raw("}}")
        effects.end()
        if tasks[slot].flags.contains(.observed) { openStreams(slot, into: &effects) }
    }

    /// A node may have got room, or become one that gets tasks.
    mutating func freed(_ node: NodeIndex) {
        refreshOpen(node)
        guard nodes[node].openPosition >= 0, !nodes[node].isFreed else { return }
        nodes[node].isFreed = true
        freedNodes.append(node)
    }

    /// Keeps the list of nodes with room true.
    mutating func refreshOpen(_ node: NodeIndex) {
        let isOpen =
            nodes[node].isOnline && !nodes[node].isDraining && nodes[node].engineError == nil
            && nodes[node].used < nodes[node].slots
            && nodes[node].holdUntil <= now.monotonic
        nodes.setOpen(node, isOpen)
    }
}
