import DequeModule
import PodlingProtocol

/// All held tasks: their records, their number by status, the order in which they ended, their idempotency keys.
///
/// The counts sum to the table; a held terminal task is listed once among the ended ones; a key leads to a task that
/// has it; a status changes only in `move`.
struct TaskBook: ~Copyable {
    private(set) var table = TaskTable()
    /// Task counts, indexed by `TaskStatus.rawValue`.
    private(set) var counts = [Int](repeating: 0, count: TaskStatus.allCases.count)
    /// Terminal tasks in the order of their ends.
    private(set) var ended = Deque<(slot: TaskSlot, id: TaskID)>()
    /// The bytes of the terminal tasks, by `TaskRecord.byteCost`.
    private(set) var endedByteCost = 0
    private var slotsByKey: [String: TaskSlot] = [:]
    private(set) var nextID: TaskID
    /// The least id that the next restored task may have, as they come in the order of their ids.
    private var nextRestoredID = TaskID(number: 0)

    init(nextID: TaskID) { self.nextID = nextID }

    subscript(_ slot: TaskSlot) -> TaskRecord {
        @inline(__always)
        _read { yield table.records[slot] }
        @inline(__always)
        _modify { yield &table.records[slot] }
    }

    /// The records, for the machines that keep links and flags in them.
    var records: TaskRecords {
        @inline(__always)
        _read { yield table.records }
        @inline(__always)
        _modify { yield &table.records }
    }

    var count: Int { table.count }
    var byteCost: Int { table.byteCost }

    func count(_ status: TaskStatus) -> Int { counts[Int(status.rawValue)] }

    var liveCount: Int { count(.pending) + count(.scheduled) + count(.running) }

    func slot(of id: TaskID) -> TaskSlot? { table.slot(of: id) }

    /// The slot of the task that a request names.
    func slot(of name: TaskName) -> TaskSlot? { table.slot(of: name) }

    /// The slot of a row's task, if it is held.
    func slot(of row: TaskRow) -> TaskSlot? {
        guard let text = row.foreignID else { return table.slot(of: row.id) }
        return table.foreign.id(of: Array(text.utf8)).flatMap { table.slot(of: $0) }
    }

    func slot(ofKey key: String) -> TaskSlot? { slotsByKey[key] }

    // MARK: Insertion

    /// The id of a new task.
    mutating func takeID() -> TaskID {
        defer { nextID = nextID.next }
        return nextID
    }

    /// Ensures that new tasks get this id or a later one.
    mutating func skipIDs(before id: TaskID) { nextID = max(nextID, id) }

    /// - Returns: false if one of our own ids is out of the order of restored ids.
    mutating func mayRestore(_ id: TaskID) -> Bool {
        guard id >= nextRestoredID else { return false }
        nextRestoredID = id.next
        return true
    }

    /// Begins a bulk insertion in any order; the index by id is built once, by `endInserting`.
    mutating func beginInserting() { table.beginInserting() }

    mutating func endInserting() { table.endInserting() }

    /// The id for a foreign id's text, a new one if the text is new.
    mutating func addForeign(_ text: [UInt8], createdAt: Int64) -> TaskID {
        table.addForeign(text, createdAt: createdAt)
    }

    /// The id for the foreign id of a restored task; nil if it exists already.
    mutating func restoreForeign(_ text: [UInt8], createdAt: Int64) -> TaskID? {
        table.restoreForeign(text, createdAt: createdAt)
    }

    mutating func sortForeign() { table.sortForeign() }

    mutating func insert(_ record: consuming TaskRecord) -> TaskSlot {
        let key = record.extra?.idempotencyKey
        let status = record.status
        if !record.id.isForeign { skipIDs(before: record.id.next) }
        let slot = table.insert(record)
        counts[Int(status.rawValue)] += 1
        if let key { slotsByKey[key] = slot }
        return slot
    }

    // MARK: Transitions

    /// - Returns: false, with nothing changed, if the transition is illegal (`TaskTransitions`).
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

    // MARK: Removal

    /// Removes and returns the task that became terminal first; nil if there is none.
    mutating func popEnded() -> TaskSlot? {
        while let (slot, id) = ended.popFirst() {
            guard records[slot].id == id else { continue }
            endedByteCost -= records[slot].byteCost
            return slot
        }
        return nil
    }

    /// Removes a task from the order of ends, wherever it is.
    mutating func removeEnded(_ slot: TaskSlot) {
        let id = records[slot].id
        guard let index = ended.lastIndex(where: { $0.id == id }) else { return }
        ended.remove(at: index)
        endedByteCost -= records[slot].byteCost
    }

    /// Sorts restored terminal tasks into the order in which they are forgotten.
    mutating func sortEnded() {
        let sorted = ended.sorted { records[$0.slot].keptSince < records[$1.slot].keptSince }
        ended = Deque(sorted)
    }

    mutating func remove(_ slot: TaskSlot) {
        counts[Int(records[slot].status.rawValue)] -= 1
        // Two restored tasks may have the same key, which leads to the newer one.
        if let key = records[slot].extra?.idempotencyKey, slotsByKey[key] == slot { slotsByKey[key] = nil }
        table.remove(slot)
    }

    /// The first violated invariant; nil if all hold.
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
