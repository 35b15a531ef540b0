/// The index of a record in its table. It is reused once the record is forgotten.
struct TableIndex<Record>: Hashable, Comparable {
    private let raw: Int32

    init(offset: Int) { raw = Int32(truncatingIfNeeded: offset) }

    static var none: Self { Self(offset: -1) }
    var isNone: Bool { raw < 0 }
    var offset: Int { Int(raw) }

    static func < (one: Self, other: Self) -> Bool { one.raw < other.raw }
}

typealias TaskSlot = TableIndex<TaskRecord>
typealias NodeIndex = TableIndex<NodeRecord>
typealias ShapeIndex = TableIndex<Shape>
