/// Where a task's record stands in `TaskTable`. A slot is used again once its task is forgotten.
struct TaskSlot: Hashable, Comparable {
    private let raw: Int32

    init(offset: Int) { raw = Int32(truncatingIfNeeded: offset) }

    static var none: TaskSlot { TaskSlot(offset: -1) }
    var isNone: Bool { raw < 0 }
    var offset: Int { Int(raw) }

    static func < (one: TaskSlot, other: TaskSlot) -> Bool { one.raw < other.raw }
}

/// Where a node's record stands in `NodeTable`. An index is used again once its node is forgotten.
struct NodeIndex: Hashable {
    private let raw: Int32

    init(offset: Int) { raw = Int32(truncatingIfNeeded: offset) }

    static var none: NodeIndex { NodeIndex(offset: -1) }
    var isNone: Bool { raw < 0 }
    var offset: Int { Int(raw) }
}

/// Where a shape stands in `ShapeTable`. An index is used again once no live task has the shape.
struct ShapeIndex: Hashable {
    private let raw: Int32

    init(offset: Int) { raw = Int32(truncatingIfNeeded: offset) }

    static var none: ShapeIndex { ShapeIndex(offset: -1) }
    var isNone: Bool { raw < 0 }
    var offset: Int { Int(raw) }
}
