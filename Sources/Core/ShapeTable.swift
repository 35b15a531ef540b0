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
    /// No node had room when it was last tried, and none has got more since.
    var isBlocked = false
    /// It stands in `ShapeTable.ready`.
    var isReady = false
}

/// The shapes of all live tasks. Placing costs by the number of shapes, never of tasks.
struct ShapeTable {
    private var shapes: [Shape] = []
    private var indexes: [ShapeKey: Int32] = [:]
    private var free: [Int32] = []
    /// Shapes with pending tasks that are worth a try.
    var ready: [Int32] = []
    /// Shapes with pending tasks that no node has room for.
    var blocked: [Int32] = []

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

    mutating func release(_ index: Int32) {
        shapes[Int(index)].references -= 1
        guard shapes[Int(index)].references == 0 else { return }
        indexes[shapes[Int(index)].key] = nil
        ready.removeAll { $0 == index }
        blocked.removeAll { $0 == index }
        free.append(index)
    }

    /// Puts a shape with pending tasks where it belongs.
    mutating func wake(_ index: Int32) {
        guard !shapes[Int(index)].isReady, !shapes[Int(index)].isBlocked else { return }
        shapes[Int(index)].isReady = true
        ready.append(index)
    }

    mutating func block(_ index: Int32) {
        shapes[Int(index)].isReady = false
        shapes[Int(index)].isBlocked = true
        blocked.append(index)
    }
}
