/// The index of a task's record in `TaskTable`. A slot is reused once its task is forgotten.
struct TaskSlot: Hashable, Comparable {
    private let raw: Int32

    init(offset: Int) { raw = Int32(truncatingIfNeeded: offset) }

    static var none: TaskSlot { TaskSlot(offset: -1) }
    var isNone: Bool { raw < 0 }
    var offset: Int { Int(raw) }

    static func < (one: TaskSlot, other: TaskSlot) -> Bool { one.raw < other.raw }
}

/// The index of a node's record in `NodeTable`. It is reused once its node is forgotten.
struct NodeIndex: Hashable {
    private let raw: Int32

    init(offset: Int) { raw = Int32(truncatingIfNeeded: offset) }

    static var none: NodeIndex { NodeIndex(offset: -1) }
    var isNone: Bool { raw < 0 }
    var offset: Int { Int(raw) }
}

/// The index of a shape in `ShapeTable`. It is reused once no live task has the shape.
struct ShapeIndex: Hashable {
    private let raw: Int32

    init(offset: Int) { raw = Int32(truncatingIfNeeded: offset) }

    static var none: ShapeIndex { ShapeIndex(offset: -1) }
    var isNone: Bool { raw < 0 }
    var offset: Int { Int(raw) }
}
