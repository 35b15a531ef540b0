import PodlingProtocol

/// The tasks that wait for a node, by shape, priority and age.
///
/// A task is pending iff it is in exactly one lane; its links are in its record.
struct PendingQueue {
    private(set) var shapes = ShapeTable()

    // MARK: Pending tasks

    mutating func insert(_ slot: TaskSlot, isRequeued: Bool, _ tasks: inout TaskRecords) {
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

    mutating func remove(_ slot: TaskSlot, _ tasks: inout TaskRecords) {
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

    /// The next task of a shape; nil if none is pending.
    func first(of shape: ShapeIndex) -> TaskSlot? { shapes[shape].lanes.first?.first }

    // MARK: Shapes

    func key(of slot: TaskSlot, _ tasks: borrowing TaskRecords) -> ShapeKey { shapes[tasks[slot].shape].key }

    /// Counts a live task of a shape.
    mutating func retain(_ key: ShapeKey) -> ShapeIndex { shapes.retain(key) }

    /// Counts a live task less.
    mutating func release(_ shape: ShapeIndex) { shapes.release(shape) }

    /// Removes and returns the shapes that placement tries next.
    mutating func takeReady() -> [ShapeIndex] { shapes.takeReady() }

    mutating func block(_ shape: ShapeIndex) { shapes.block(shape) }

    mutating func lookThrough() { shapes.lookThrough() }

    mutating func nextToLookAt() -> ShapeIndex? { shapes.nextToLookAt() }

    mutating func looked(at shape: ShapeIndex, isWorthATry: Bool) { shapes.looked(at: shape, isWorthATry: isWorthATry) }

    /// Checks the invariant: the lanes hold each pending task exactly once, and nothing else.
    func checkInvariants(_ tasks: borrowing TaskRecords) -> String? {
        var queued = 0
        for shape in shapes.all {
            for lane in shapes[shape].lanes {
                if lane.first.isNone { return "a lane is empty" }
                for head in [lane.requeuedFirst, lane.freshFirst] {
                    var (slot, previous) = (head, TaskSlot.none)
                    while !slot.isNone {
                        guard tasks[slot].status == .pending, tasks[slot].shape == shape else {
                            return "\(tasks[slot].id.text) is queued, and not pending in this shape"
                        }
                        if tasks[slot].queuePrevious != previous { return "\(tasks[slot].id.text) has a wrong link" }
                        queued += 1
                        (previous, slot) = (slot, tasks[slot].queueNext)
                    }
                }
            }
        }
        var pending = 0
        for offset in 0..<tasks.slotCount {
            let slot = TaskSlot(offset: offset)
            if tasks[slot].id != TaskID(number: 0), tasks[slot].status == .pending { pending += 1 }
        }
        return queued == pending ? nil : "\(pending) tasks are pending, \(queued) are queued"
    }
}
