/// The ids given by other systems: a number for each text, and their order, by creation, then by bytes.
///
/// Entries are never removed within a run: events and cursors may name a forgotten task.
struct ForeignTaskIDs {
    /// The sort key of a task in the order.
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
        /// `none` if the task is forgotten.
        var slot: TaskSlot
    }

    private var entries: [Entry] = []
    /// Indexes of entries by the bytes of the text: two texts that look alike may differ.
    private var indexes: [[UInt8]: Int] = [:]
    /// Indexes of all entries in their order, those of forgotten tasks included.
    private var sorted: [Int] = []
    private var isSorted = true

    /// The number of entries, those of forgotten tasks included.
    var count: Int { entries.count }

    /// The id of a known text, whether its task is held or forgotten.
    func id(of text: [UInt8]) -> TaskID? { indexes[text].map { TaskID(foreignIndex: $0) } }

    func text(of id: TaskID) -> [UInt8] { id.foreignIndex < entries.count ? entries[id.foreignIndex].key.text : [] }

    func slot(of id: TaskID) -> TaskSlot? {
        guard id.foreignIndex < entries.count else { return nil }
        let slot = entries[id.foreignIndex].slot
        return slot.isNone ? nil : slot
    }

    func id(at place: Int) -> TaskID { TaskID(foreignIndex: sorted[place]) }

    func key(of id: TaskID) -> Key { entries[id.foreignIndex].key }

    /// The id for a text, a new one if the text is new; its task has no slot until `take`, and `sort` restores the
    /// order.
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

    /// The id for a new text; nil for a known one.
    mutating func append(_ text: [UInt8], createdAt: Int64) -> TaskID? {
        indexes[text] == nil ? add(text, createdAt: createdAt) : nil
    }

    /// Restores the order, if it was disturbed.
    mutating func sort() {
        guard !isSorted else { return }
        isSorted = true
        sorted.sort { entries[$0].key < entries[$1].key }
    }

    mutating func take(_ slot: TaskSlot, _ id: TaskID) { entries[id.foreignIndex].slot = slot }

    mutating func remove(_ id: TaskID) { entries[id.foreignIndex].slot = .none }

    /// The place of the first entry not before a key, or, with `isAfter`, of the first after it.
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
    /// The bit that is set in foreign ids; our own ids have 59 bits.
    private static let foreignBit: UInt64 = 1 << 63

    init(foreignIndex: Int) { self.init(number: Self.foreignBit | UInt64(foreignIndex)) }

    /// Whether another system gave the id; its number is then valid in this run only.
    package var isForeign: Bool { number & Self.foreignBit != 0 }

    var foreignIndex: Int { Int(number & ~Self.foreignBit) }
}
