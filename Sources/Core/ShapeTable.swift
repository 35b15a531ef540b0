/// What placing a task depends on.
struct ShapeKey: Hashable {
    var cpuMillis: Int
    var memoryBytes: Int
    /// Sorted by name; names and values in turn.
    var selector: [String]
}

/// The pending tasks of one shape and priority: first those that ran before, then the rest by age.
struct Lane {
    var priority: Int16
    var requeuedFirst: Int32 = -1
    var requeuedLast: Int32 = -1
    var freshFirst: Int32 = -1
    var freshLast: Int32 = -1

    var first: Int32 { requeuedFirst >= 0 ? requeuedFirst : freshFirst }
}

/// Tasks that can stand in for one another when a place is sought.
struct Shape {
    var key: ShapeKey
    /// By priority, highest first; none is empty.
    var lanes: [Lane] = []
    /// Live tasks of this shape.
    var references = 0
    /// Where it stands in `ShapeTable.ready` or `.blocked`; −1 if in neither.
    fileprivate(set) var position: Int32 = -1
    /// No node had room when it was last tried, and none that has got more since was tried.
    fileprivate(set) var isBlocked = false
}

/// The shapes of all live tasks. Placing costs by the number of shapes, never of tasks.
struct ShapeTable {
    private var shapes: [Shape] = []
    private var indexes: [ShapeKey: Int32] = [:]
    private var free: [Int32] = []
    /// Shapes with pending tasks that are worth a try.
    private(set) var ready: [Int32] = []
    /// Shapes with pending tasks that no node had room for.
    private(set) var blocked: [Int32] = []
    /// The walk over `blocked` that looks which of them a node with new room could take: where it goes on, and how many
    /// are left.
    private var walkPosition = 0
    private var walkLeft = 0

    /// Distinct shapes of live tasks.
    var count: Int { indexes.count }

    subscript(_ index: Int32) -> Shape {
        @inline(__always)
        _read { yield shapes[Int(index)] }
        @inline(__always)
        _modify { yield &shapes[Int(index)] }
    }

    mutating func retain(_ key: ShapeKey) -> Int32 {
        if let index = indexes[key] {
            shapes[Int(index)].references += 1
            return index
        }
        let index: Int32
        if let reused = free.popLast() {
            index = reused
            shapes[Int(index)] = Shape(key: key)
        } else {
            index = Int32(truncatingIfNeeded: shapes.count)
            shapes.append(Shape(key: key))
        }
        shapes[Int(index)].references = 1
        indexes[key] = index
        return index
    }

    func isKnown(_ key: ShapeKey) -> Bool { indexes[key] != nil }

    mutating func release(_ index: Int32) {
        shapes[Int(index)].references -= 1
        guard shapes[Int(index)].references == 0 else { return }
        indexes[shapes[Int(index)].key] = nil
        leave(index)
        free.append(index)
    }

    /// Puts a shape with pending tasks where it belongs.
    mutating func wake(_ index: Int32) {
        guard shapes[Int(index)].position < 0 else { return }
        shapes[Int(index)].position = Int32(truncatingIfNeeded: ready.count)
        ready.append(index)
    }

    /// No node has room for it.
    mutating func block(_ index: Int32) {
        leave(index)
        shapes[Int(index)].isBlocked = true
        shapes[Int(index)].position = Int32(truncatingIfNeeded: blocked.count)
        blocked.append(index)
        if walkLeft > 0 { walkLeft += 1 }
    }

    mutating func takeReady() -> [Int32] {
        defer { ready.removeAll(keepingCapacity: true) }
        for index in ready { shapes[Int(index)].position = -1 }
        return ready
    }

    private mutating func leave(_ index: Int32) {
        let position = Int(shapes[Int(index)].position)
        guard position >= 0 else { return }
        if shapes[Int(index)].isBlocked {
            Self.remove(position, from: &blocked, &shapes)
            shapes[Int(index)].isBlocked = false
            // What took its place may not have been looked at.
            if walkLeft > 0 { walkLeft = blocked.count }
        } else {
            Self.remove(position, from: &ready, &shapes)
        }
        shapes[Int(index)].position = -1
    }

    private static func remove(_ position: Int, from list: inout [Int32], _ shapes: inout [Shape]) {
        let last = list.removeLast()
        guard position < list.count else { return }
        list[position] = last
        shapes[Int(last)].position = Int32(truncatingIfNeeded: position)
    }

    // MARK: Looking through those that are blocked

    /// Whether no more of those that are blocked are to be looked at.
    var isLookedThrough: Bool { walkLeft == 0 }

    /// A node has got room: all that are blocked are to be looked at.
    mutating func lookThrough() { walkLeft = blocked.count }

    /// The next to be looked at; `looked` says what came of it.
    mutating func nextToLookAt() -> Int32? {
        guard walkLeft > 0, !blocked.isEmpty else {
            walkLeft = 0
            return nil
        }
        walkLeft -= 1
        if walkPosition >= blocked.count { walkPosition = 0 }
        return blocked[walkPosition]
    }

    /// - Parameter isWorthATry: whether a node could take it now; one without pending tasks is not looked at again.
    mutating func looked(at index: Int32, isWorthATry: Bool) {
        let hasPending = !shapes[Int(index)].lanes.isEmpty
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
