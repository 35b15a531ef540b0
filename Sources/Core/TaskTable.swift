/// All tasks the core holds, by slot, by id and by age.
struct TaskTable: ~Copyable {
    private static let chunkShift: Int32 = 12
    private static let chunkCount = 1 << 12

    private var chunks: [UnsafeMutablePointer<TaskRecord>] = []
    private var initialized: [Bool] = []
    private var free: [Int32] = []
    private var used: Int32 = 0
    private var slots: [String: Int32] = [:]
    private(set) var order = TaskOrder()
    private(set) var count = 0

    deinit {
        for slot in 0..<used where initialized[Int(slot)] {
            (chunks[Int(slot >> Self.chunkShift)] + Int(slot) % Self.chunkCount).deinitialize(count: 1)
        }
        for chunk in chunks { chunk.deallocate() }
    }

    subscript(_ slot: Int32) -> TaskRecord {
        @inline(__always)
        _read { yield chunks[Int(slot >> Self.chunkShift)][Int(slot) & (Self.chunkCount - 1)] }
        @inline(__always)
        _modify { yield &chunks[Int(slot >> Self.chunkShift)][Int(slot) & (Self.chunkCount - 1)] }
    }

    func slot(of id: String) -> Int32? { slots[id] }

    func contains(_ slot: Int32) -> Bool { slot >= 0 && slot < used && initialized[Int(slot)] }

    mutating func insert(_ record: TaskRecord) -> Int32 {
        let slot: Int32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = used
            used += 1
            if Int(slot) & (Self.chunkCount - 1) == 0 { chunks.append(.allocate(capacity: Self.chunkCount)) }
            initialized.append(false)
        }
        (chunks[Int(slot >> Self.chunkShift)] + (Int(slot) & (Self.chunkCount - 1))).initialize(to: record)
        initialized[Int(slot)] = true
        slots[record.id] = slot
        order.append(slot, sequence: record.sequence)
        count += 1
        return slot
    }

    mutating func remove(_ slot: Int32) {
        let record = (chunks[Int(slot >> Self.chunkShift)] + (Int(slot) & (Self.chunkCount - 1))).move()
        initialized[Int(slot)] = false
        slots[record.id] = nil
        order.remove(sequence: record.sequence)
        free.append(slot)
        count -= 1
    }
}

/// The slots of all tasks by age. Appended at the end; a removed one leaves a gap that is closed when gaps are many.
struct TaskOrder {
    private static let gapsMin = 1_024

    private var sequences: [Int] = []
    private var slots: [Int32] = []
    private var gaps = 0

    var count: Int { slots.count }

    mutating func append(_ slot: Int32, sequence: Int) {
        sequences.append(sequence)
        slots.append(slot)
    }

    mutating func remove(sequence: Int) {
        let index = firstIndex(notBefore: sequence)
        guard index < slots.count, sequences[index] == sequence else { return }
        slots[index] = -1
        gaps += 1
        if gaps > Self.gapsMin, gaps * 2 > slots.count { closeGaps() }
    }

    /// The slot at an index of the order; nil for a gap.
    func slot(at index: Int) -> Int32? { slots[index] < 0 ? nil : slots[index] }

    /// The index of the first task whose sequence is at least this.
    func firstIndex(notBefore sequence: Int) -> Int {
        var low = 0
        var high = sequences.count
        while low < high {
            let middle = (low + high) / 2
            if sequences[middle] < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func closeGaps() {
        var kept = 0
        for index in slots.indices where slots[index] >= 0 {
            slots[kept] = slots[index]
            sequences[kept] = sequences[index]
            kept += 1
        }
        slots.removeLast(slots.count - kept)
        sequences.removeLast(sequences.count - kept)
        gaps = 0
    }
}
