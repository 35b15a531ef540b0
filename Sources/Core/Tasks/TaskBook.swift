import DequeModule
import PodlingProtocol

/// All tasks that are held: their records, their number by status, the order in which they ended, their idempotency keys.
///
/// The counts sum to the table; an ended task that is held stands once among the ended ones; a key leads to a task that has
/// it; a status changes only in `move`.
struct TaskBook: ~Copyable {
    var records = TaskTable()
    /// By status, indexed by `TaskStatus.rawValue`.
    private(set) var counts = [Int](repeating: 0, count: TaskStatus.allCases.count)
    /// Ended tasks in the order of their ends.
    private(set) var ended = Deque<(slot: TaskSlot, id: TaskID)>()
    /// What they take, as `TaskRecord.byteCost` counts it.
    private(set) var endedByteCost = 0
    private var slotsByKey: [String: TaskSlot] = [:]
    private(set) var nextID: TaskID
    /// Restored tasks come in the order of their ids.
    private var nextRestoredID = TaskID(number: 0)

    init(nextID: TaskID) { self.nextID = nextID }

    subscript(_ slot: TaskSlot) -> TaskRecord {
        @inline(__always)
        _read { yield records[slot] }
        @inline(__always)
        _modify { yield &records[slot] }
    }

    var count: Int { records.count }
    var byteCost: Int { records.byteCost }

    func count(_ status: TaskStatus) -> Int { counts[Int(status.rawValue)] }

    var liveCount: Int { count(.pending) + count(.scheduled) + count(.running) }

    func slot(of id: TaskID) -> TaskSlot? { records.slot(of: id) }

    /// The slot of the task this string names.
    func slot(of value: JSONValue) -> TaskSlot? { records.slot(of: value) }

    /// The task of a row, if it is held.
    func slot(of row: TaskRow) -> TaskSlot? {
        guard let text = row.foreignID else { return records.slot(of: row.id) }
        return records.foreign.id(of: Array(text.utf8)).flatMap { records.slot(of: $0) }
    }

    func slot(ofKey key: String) -> TaskSlot? { slotsByKey[key] }

    // MARK: Coming

    /// The id of a new task.
    mutating func takeID() -> TaskID {
        defer { nextID = nextID.next }
        return nextID
    }

    /// New tasks get this id or a later one.
    mutating func skipIDs(before id: TaskID) { nextID = max(nextID, id) }

    /// - Returns: false where an own id comes out of the order of restored ones.
    mutating func mayRestore(_ id: TaskID) -> Bool {
        guard id >= nextRestoredID else { return false }
        nextRestoredID = id.next
        return true
    }

    mutating func insert(_ record: consuming TaskRecord) -> TaskSlot {
        let key = record.extra?.idempotencyKey
        let status = record.status
        if !record.id.isForeign { skipIDs(before: record.id.next) }
        let slot = records.insert(record)
        counts[Int(status.rawValue)] += 1
        if let key { slotsByKey[key] = slot }
        return slot
    }

    // MARK: Going on

    /// - Returns: false where the move is not legal (`TaskTransitions`); nothing is changed then.
    @inline(__always)
    mutating func move(_ slot: TaskSlot, to status: TaskStatus, _ reason: TaskReason) -> Bool {
        let from = records[slot].status
        guard records[slot].move(to: status, reason) else { return false }
        counts[Int(from.rawValue)] -= 1
        counts[Int(status.rawValue)] += 1
        return true
    }

    mutating func appendEnded(_ slot: TaskSlot) {
        ended.append((slot, records[slot].id))
        endedByteCost += records[slot].byteCost
    }

    // MARK: Going

    /// The task that ended first; nil where there is none.
    mutating func popEnded() -> TaskSlot? {
        while let (slot, id) = ended.popFirst() {
            guard records[slot].id == id else { continue }
            endedByteCost -= records[slot].byteCost
            return slot
        }
        return nil
    }

    /// Takes one out of the order of ends, wherever it stands.
    mutating func removeEnded(_ slot: TaskSlot) {
        let id = records[slot].id
        guard let index = ended.lastIndex(where: { $0.id == id }) else { return }
        ended.remove(at: index)
        endedByteCost -= records[slot].byteCost
    }

    /// Puts ended tasks that were restored in the order in which they are forgotten.
    mutating func sortEnded() {
        let sorted = ended.sorted { records[$0.slot].keptSince < records[$1.slot].keptSince }
        ended = Deque(sorted)
    }

    mutating func remove(_ slot: TaskSlot) {
        counts[Int(records[slot].status.rawValue)] -= 1
        // Of restored tasks two may have one key: it leads to the newer.
        if let key = records[slot].extra?.idempotencyKey, slotsByKey[key] == slot { slotsByKey[key] = nil }
        records.remove(slot)
    }

    /// What must always hold.
    func checkInvariants() -> String? {
        var found = [Int](repeating: 0, count: counts.count)
        for offset in 0..<records.slotCount where records[TaskSlot(offset: offset)].id != TaskID(number: 0) {
            found[Int(records[TaskSlot(offset: offset)].status.rawValue)] += 1
        }
        if found != counts { return "counts \(counts) are \(found)" }
        let held = ended.filter { records[$0.slot].id == $0.id }
        if Set(held.map(\.slot)).count != held.count { return "an ended task is listed twice" }
        let bytes = held.reduce(0) { $0 + records[$1.slot].byteCost }
        if bytes != endedByteCost { return "ended tasks take \(bytes) bytes, \(endedByteCost) are counted" }
        for (key, slot) in slotsByKey where records[slot].extra?.idempotencyKey != key {
            return "an idempotency key leads to a task without it"
        }
        return nil
    }
}
