/// The ids that another system gave: a number for each text, and their order, which is by creation, then by bytes.
///
/// Entries are never taken out within a run: events and cursors may name a task that is gone.
struct ForeignTaskIDs {
    /// Where a task stands in the order.
    struct Key: Comparable {
        var createdAt: Int64
        var text: [UInt8]

        static func < (one: Key, other: Key) -> Bool {
            one.createdAt != other.createdAt
                ? one.createdAt < other.createdAt : one.text.lexicographicallyPrecedes(other.text)
        }
    }

    private struct Entry {
        var key: Key
        /// `none` where the task is gone.
        var slot: TaskSlot
    }

    private var entries: [Entry] = []
    /// By bytes: two texts that look alike may differ.
    private var indexes: [[UInt8]: Int] = [:]
    /// Indexes of entries in their order, of those that are gone too.
    private var sorted: [Int] = []
    private var isSorted = true

    /// Entries, of tasks that are gone too.
    var count: Int { entries.count }

    /// The id of a text that is known, whether its task is there or gone.
    func id(of text: [UInt8]) -> TaskID? { indexes[text].map { TaskID(foreignIndex: $0) } }

    func text(of id: TaskID) -> [UInt8] { id.foreignIndex < entries.count ? entries[id.foreignIndex].key.text : [] }

    func slot(of id: TaskID) -> TaskSlot? {
        guard id.foreignIndex < entries.count else { return nil }
        let slot = entries[id.foreignIndex].slot
        return slot.isNone ? nil : slot
    }

    func id(at place: Int) -> TaskID { TaskID(foreignIndex: sorted[place]) }

    func key(of id: TaskID) -> Key { entries[id.foreignIndex].key }

    /// The id for a text, a new one where the text is new; its task has no slot until `take`. The order is made by `sort`.
    mutating func add(_ text: [UInt8], createdAt: Int64) -> TaskID {
        if let known = indexes[text] {
            if entries[known].key.createdAt != createdAt {
                entries[known].key.createdAt = createdAt
                isSorted = false
            }
            return TaskID(foreignIndex: known)
        }
        let index = entries.count
        let key = Key(createdAt: createdAt, text: text)
        if let last = sorted.last, !(entries[last].key < key) { isSorted = false }
        entries.append(Entry(key: key, slot: .none))
        indexes[text] = index
        sorted.append(index)
        return TaskID(foreignIndex: index)
    }

    /// The same for a text that is new; nil for one that is known.
    mutating func append(_ text: [UInt8], createdAt: Int64) -> TaskID? {
        indexes[text] == nil ? add(text, createdAt: createdAt) : nil
    }

    /// Makes the order again; what was in order stays so, and costs one walk.
    mutating func sort() {
        guard !isSorted else { return }
        isSorted = true
        sorted.sort { entries[$0].key < entries[$1].key }
    }

    mutating func take(_ slot: TaskSlot, _ id: TaskID) { entries[id.foreignIndex].slot = slot }

    mutating func remove(_ id: TaskID) { entries[id.foreignIndex].slot = .none }

    /// The place of the first entry that is not before a key, or, with `isAfter`, that is after it.
    func place(of key: Key, isAfter: Bool) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            let other = entries[sorted[middle]].key
            if other < key || (isAfter && other == key) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension TaskID {
    /// Set in the numbers of ids that another system gave; those of our own have 59 bits.
    private static let foreignBit: UInt64 = 1 << 63

    init(foreignIndex: Int) { self.init(number: Self.foreignBit | UInt64(foreignIndex)) }

    /// Whether another system gave it; its number then counts in this run only.
    public var isForeign: Bool { number & Self.foreignBit != 0 }

    var foreignIndex: Int { Int(number & ~Self.foreignBit) }
}
