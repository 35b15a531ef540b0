/// The records of all tasks that the core holds, by slot. Any machine may keep its part of a task in them; only
/// `TaskTable`, in this file, adds and removes one.
struct TaskRecords: ~Copyable {
    private static let chunkShift: Int = 12
    private static let chunkCount = 1 << 12

    private var chunks: [UnsafeMutablePointer<TaskRecord>] = []
    private var free: [TaskSlot] = []
    /// The number of slots in use or free for reuse; a free one holds the id 0.
    private(set) var slotCount = 0

    fileprivate init() {}

    deinit {
        for offset in 0..<slotCount { address(TaskSlot(offset: offset)).deinitialize(count: 1) }
        for chunk in chunks { UnsafeMutableRawPointer(chunk).deallocate() }
    }

    private static func allocateChunk() -> UnsafeMutablePointer<TaskRecord> {
        let cacheLineBytes = 64
        let byteCount = chunkCount * MemoryLayout<TaskRecord>.stride
        return UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: cacheLineBytes)
            .bindMemory(to: TaskRecord.self, capacity: chunkCount)
    }

    @inline(__always)
    private func address(_ slot: TaskSlot) -> UnsafeMutablePointer<TaskRecord> {
        chunks[slot.offset >> Self.chunkShift] + (slot.offset & (Self.chunkCount - 1))
    }

    subscript(_ slot: TaskSlot) -> TaskRecord {
        @inline(__always)
        _read { yield address(slot).pointee }
        @inline(__always)
        _modify { yield &address(slot).pointee }
    }

    fileprivate mutating func insert(_ record: consuming TaskRecord) -> TaskSlot {
        if let reused = free.popLast() {
            address(reused).pointee = record
            return reused
        }
        let slot = TaskSlot(offset: slotCount)
        slotCount += 1
        if slot.offset & (Self.chunkCount - 1) == 0 { chunks.append(Self.allocateChunk()) }
        address(slot).initialize(to: record)
        return slot
    }

    fileprivate mutating func remove(_ slot: TaskSlot) {
        address(slot).pointee.clear()
        free.append(slot)
    }
}

/// All tasks that the core holds, by slot and by id. Tasks with foreign ids come first, then our own; each group by
/// age.
struct TaskTable: ~Copyable {
    var records = TaskRecords()
    private(set) var order = TaskOrder()
    private(set) var foreign = ForeignTaskIDs()
    private(set) var count = 0
    /// The bytes of all held tasks.
    private(set) var byteCost = 0
    /// Bulk insertion is under way: `endInserting` will add the inserted tasks to the order.
    private var isInserting = false
    private var inserted: [(slot: TaskSlot, id: TaskID)] = []

    func slot(of id: TaskID) -> TaskSlot? {
        if id.isForeign { return foreign.slot(of: id) }
        let index = order.firstIndex(notBefore: id)
        guard index < order.count, order.id(at: index) == id else { return nil }
        return order.slot(at: index)
    }

    mutating func insert(_ record: consuming TaskRecord) -> TaskSlot {
        let id = record.id
        byteCost += record.byteCost
        let slot = records.insert(record)
        if id.isForeign {
            foreign.take(slot, id)
        } else if isInserting {
            inserted.append((slot, id))
        } else {
            order.insert(slot, id)
        }
        count += 1
        return slot
    }

    /// Begins a bulk insertion in any order; the index by id is built once, by `endInserting`.
    mutating func beginInserting() { isInserting = true }

    mutating func endInserting() {
        isInserting = false
        order.merge(inserted.sorted { $0.id < $1.id })
        inserted.removeAll()
        foreign.sort()
    }

    mutating func remove(_ slot: TaskSlot) {
        let id = records[slot].id
        byteCost -= records[slot].byteCost
        if id.isForeign { foreign.remove(id) } else { order.remove(id) }
        records.remove(slot)
        count -= 1
    }

    /// The id for a foreign id's text, a new one if the text is new.
    mutating func addForeign(_ text: [UInt8], createdAt: Int64) -> TaskID { foreign.add(text, createdAt: createdAt) }

    /// The id for the foreign id of a restored task; nil if it exists already.
    mutating func restoreForeign(_ text: [UInt8], createdAt: Int64) -> TaskID? {
        foreign.append(text, createdAt: createdAt)
    }

    mutating func sortForeign() { foreign.sort() }
}

/// The slots of tasks with our own ids, by age. New tasks are appended, except imported ones; a removed one leaves a
/// gap, and gaps are closed when there are many.
struct TaskOrder {
    private static let gapsMin = 1_024

    private var ids: [TaskID] = []
    private var slots: [TaskSlot] = []
    private var gaps = 0

    var count: Int { slots.count }

    mutating func insert(_ slot: TaskSlot, _ id: TaskID) {
        if let last = ids.last, last >= id {
            let index = firstIndex(notBefore: id)
            if ids[index] == id {
                slots[index] = slot
                gaps -= 1
            } else {
                ids.insert(id, at: index)
                slots.insert(slot, at: index)
            }
        } else {
            ids.append(id)
            slots.append(slot)
        }
    }

    /// Merges many entries, sorted by id, in one pass.
    mutating func merge(_ new: [(slot: TaskSlot, id: TaskID)]) {
        guard let first = new.first else { return }
        if let last = ids.last, last >= first.id {
            var (oldIDs, oldSlots) = ([TaskID](), [TaskSlot]())
            swap(&oldIDs, &ids)
            swap(&oldSlots, &slots)
            ids.reserveCapacity(oldIDs.count + new.count)
            slots.reserveCapacity(oldIDs.count + new.count)
            var index = 0
            for entry in new {
                while index < oldIDs.count, oldIDs[index] < entry.id {
                    append(oldSlots[index], oldIDs[index])
                    index += 1
                }
                if index < oldIDs.count, oldIDs[index] == entry.id {
                    // This is the gap that the same task left.
                    gaps -= 1
                    index += 1
                }
                append(entry.slot, entry.id)
            }
            ids.append(contentsOf: oldIDs[index...])
            slots.append(contentsOf: oldSlots[index...])
        } else {
            for entry in new { append(entry.slot, entry.id) }
        }
    }

    private mutating func append(_ slot: TaskSlot, _ id: TaskID) {
        ids.append(id)
        slots.append(slot)
    }

    mutating func remove(_ id: TaskID) {
        let index = firstIndex(notBefore: id)
        guard index < slots.count, ids[index] == id else { return }
        slots[index] = .none
        gaps += 1
        if gaps > Self.gapsMin, gaps * 2 > slots.count { closeGaps() }
    }

    func id(at index: Int) -> TaskID { ids[index] }

    /// The slot at an index of the order; nil for a gap.
    func slot(at index: Int) -> TaskSlot? { slots[index].isNone ? nil : slots[index] }

    /// The index of the first task whose id is at least this.
    func firstIndex(notBefore id: TaskID) -> Int {
        guard let first = ids.first else { return 0 }
        guard id > first else { return 0 }
        // Where ids are contiguous, the index follows from the id.
        let distance = id.number - first.number
        var high = ids.count
        if distance < UInt64(ids.count) {
            high = Int(distance)
            if ids[high] == id { return high }
        }
        var low = 0
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func closeGaps() {
        var kept = 0
        for index in slots.indices where !slots[index].isNone {
            slots[kept] = slots[index]
            ids[kept] = ids[index]
            kept += 1
        }
        slots.removeLast(slots.count - kept)
        ids.removeLast(ids.count - kept)
        gaps = 0
    }
}
