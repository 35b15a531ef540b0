/// The properties of a task that placement depends on.
struct ShapeKey: Hashable {
    var cpuMillis: Int
    var memoryBytes: Int
    /// Sorted by name; names and values alternate.
    var selector: [String]
}

/// The pending tasks of one shape and priority: tasks that ran before come first, then the rest by age.
struct Lane {
    var priority: Int16
    var requeuedFirst = TaskSlot.none
    var requeuedLast = TaskSlot.none
    var freshFirst = TaskSlot.none
    var freshLast = TaskSlot.none

    var first: TaskSlot { !requeuedFirst.isNone ? requeuedFirst : freshFirst }
}

/// The pending tasks that are interchangeable for placement.
struct Shape {
    var key: ShapeKey
    /// Lanes by priority, highest first; none is empty.
    var lanes: [Lane] = []
    /// The number of live tasks of this shape.
    var references = 0
    /// Its index in `ShapeTable.ready` or `.blocked`; −1 if in neither.
    fileprivate(set) var position = -1
    /// No node had capacity at the last attempt, and no node that gained capacity since has been tried.
    fileprivate(set) var isBlocked = false
}

/// The shapes of all live tasks. Placement cost depends on the number of shapes, never on the number of tasks.
struct ShapeTable {
    private var shapes = Slab<Shape>()
    private var indexes: [ShapeKey: ShapeIndex] = [:]
    /// Shapes with pending tasks that placement tries next.
    private(set) var ready: [ShapeIndex] = []
    /// Shapes with pending tasks that no node had capacity for.
    private(set) var blocked: [ShapeIndex] = []
    /// The scan over `blocked` for shapes that a node with new capacity could take: its position, and how many shapes
    /// are left.
    private var walkPosition = 0
    private var walkLeft = 0

    /// Indexes of the shapes in use, unordered.
    var all: [ShapeIndex] { Array(indexes.values) }
    /// The number of distinct shapes of live tasks.
    var count: Int { indexes.count }

    subscript(_ index: ShapeIndex) -> Shape {
        @inline(__always)
        _read { yield shapes[index] }
        @inline(__always)
        _modify { yield &shapes[index] }
    }

    mutating func retain(_ key: ShapeKey) -> ShapeIndex {
        if let index = indexes[key] {
            shapes[index].references += 1
            return index
        }
        let index = shapes.insert(Shape(key: key))
        shapes[index].references = 1
        indexes[key] = index
        return index
    }

    func isKnown(_ key: ShapeKey) -> Bool { indexes[key] != nil }

    mutating func release(_ index: ShapeIndex) {
        shapes[index].references -= 1
        guard shapes[index].references == 0 else { return }
        indexes[shapes[index].key] = nil
        leave(index)
        shapes.release(index)
    }

    /// Puts a shape with pending tasks into the ready list, unless it is in a list already.
    mutating func wake(_ index: ShapeIndex) {
        guard shapes[index].position < 0 else { return }
        shapes[index].position = ready.count
        ready.append(index)
    }

    /// Marks a shape as blocked: no node has capacity for it.
    mutating func block(_ index: ShapeIndex) {
        leave(index)
        shapes[index].isBlocked = true
        shapes[index].position = blocked.count
        blocked.append(index)
        if walkLeft > 0 { walkLeft += 1 }
    }

    mutating func takeReady() -> [ShapeIndex] {
        defer { ready.removeAll(keepingCapacity: true) }
        for index in ready { shapes[index].position = -1 }
        return ready
    }

    private mutating func leave(_ index: ShapeIndex) {
        let position = shapes[index].position
        guard position >= 0 else { return }
        if shapes[index].isBlocked {
            Self.remove(position, from: &blocked, &shapes)
            shapes[index].isBlocked = false
            // The shape that took its place may not have been scanned yet.
            if walkLeft > 0 { walkLeft = blocked.count }
        } else {
            Self.remove(position, from: &ready, &shapes)
        }
        shapes[index].position = -1
    }

    private static func remove(_ position: Int, from list: inout [ShapeIndex], _ shapes: inout Slab<Shape>) {
        let last = list.removeLast()
        guard position < list.count else { return }
        list[position] = last
        shapes[last].position = position
    }

    // MARK: The scan of blocked shapes

    /// Whether the scan is finished.
    var isLookedThrough: Bool { walkLeft == 0 }

    /// Restarts the scan over all blocked shapes, as a node has gained capacity.
    mutating func lookThrough() { walkLeft = blocked.count }

    /// The next shape of the scan; the caller reports the result with `looked`.
    mutating func nextToLookAt() -> ShapeIndex? {
        guard walkLeft > 0, !blocked.isEmpty else {
            walkLeft = 0
            return nil
        }
        walkLeft -= 1
        if walkPosition >= blocked.count { walkPosition = 0 }
        return blocked[walkPosition]
    }

    /// - Parameter isWorthATry: whether a node could take it now; a shape without pending tasks is not scanned again.
    mutating func looked(at index: ShapeIndex, isWorthATry: Bool) {
        let hasPending = !shapes[index].lanes.isEmpty
        guard !hasPending || isWorthATry else {
            walkPosition += 1
            return
        }
        let left = walkLeft
        leave(index)
        walkLeft = left
        if hasPending { wake(index) }
    }
}
