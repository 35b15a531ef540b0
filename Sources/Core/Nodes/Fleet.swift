import PodlingProtocol

/// All nodes, what each has been given, and which have room.
///
/// What a node counts as used is the sum over its attempts; it stands among the open ones iff it may be given a task.
struct Fleet {
    var records = NodeTable()
    /// What the texts of all nodes take.
    private(set) var byteCount = 0
    /// Nodes that got room since tasks were last placed.
    private var freed: [NodeIndex] = []
    /// Nodes against which blocked shapes are being held (`ShapeTable.nextToLookAt`).
    private(set) var roomy: [NodeIndex] = []

    subscript(_ index: NodeIndex) -> NodeRecord {
        @inline(__always)
        _read { yield records[index] }
        @inline(__always)
        _modify { yield &records[index] }
    }

    var count: Int { records.count }
    /// Sorted by node id.
    var sorted: [NodeIndex] { records.sorted }
    var open: [NodeIndex] { records.open }

    func index(of id: String) -> NodeIndex? { records.index(of: id) }

    func position(notBefore id: String) -> Int { records.position(notBefore: id) }

    mutating func insert(_ id: String) -> NodeIndex { records.insert(id) }

    mutating func remove(_ index: NodeIndex) {
        setByteCost(index, 0)
        records.remove(index)
    }

    /// The texts of a node take so many bytes from now on.
    mutating func setByteCost(_ index: NodeIndex, _ byteCost: Int) {
        byteCount += byteCost - records[index].byteCost
        records[index].byteCost = byteCost
    }

    // MARK: Attempts

    /// Gives a node an attempt, and its room with it.
    mutating func add(_ slot: TaskSlot, _ key: ShapeKey, to index: NodeIndex, _ tasks: inout TaskTable) {
        tasks[slot].nodePosition = records[index].attempts.count
        records[index].attempts.append(slot)
        records[index].used += 1
        records[index].cpuMillisUsed += key.cpuMillis
        records[index].memoryBytesUsed += key.memoryBytes
    }

    /// Takes an attempt from its node.
    /// - Returns: whether it had one.
    mutating func remove(_ slot: TaskSlot, _ key: ShapeKey, _ tasks: inout TaskTable) -> Bool {
        let index = tasks[slot].node
        let position = tasks[slot].nodePosition
        guard !index.isNone, position >= 0 else { return false }
        let last = records[index].attempts.removeLast()
        if last != slot {
            records[index].attempts[position] = last
            tasks[last].nodePosition = position
        }
        tasks[slot].nodePosition = -1
        records[index].used -= 1
        records[index].cpuMillisUsed -= key.cpuMillis
        records[index].memoryBytesUsed -= key.memoryBytes
        return true
    }

    // MARK: Room

    /// A node may have got room, or become one that gets tasks.
    mutating func noteFreed(_ index: NodeIndex, now: Int64) {
        refreshOpen(index, now: now)
        guard records[index].openPosition >= 0, !records[index].isFreed else { return }
        records[index].isFreed = true
        freed.append(index)
    }

    /// Keeps the list of nodes with room true.
    mutating func refreshOpen(_ index: NodeIndex, now: Int64) {
        records.setOpen(index, Fit.isOpen(records[index], now: now))
    }

    /// Takes those that got room among the roomy ones.
    /// - Returns: whether there was one.
    mutating func moveFreedToRoomy() -> Bool {
        guard !freed.isEmpty else { return false }
        for index in freed {
            records[index].isFreed = false
            guard !records[index].isLookedFor else { continue }
            records[index].isLookedFor = true
            roomy.append(index)
        }
        freed.removeAll(keepingCapacity: true)
        return true
    }

    /// All blocked shapes were held against the roomy nodes.
    mutating func clearRoomy() {
        for index in roomy { records[index].isLookedFor = false }
        roomy.removeAll(keepingCapacity: true)
    }

    /// What must always hold, with the resources that each task was promised.
    func checkInvariants(_ tasks: borrowing TaskTable, now: Int64, key: (TaskSlot) -> ShapeKey) -> String? {
        var bytes = 0
        for index in sorted {
            let node = records[index]
            bytes += node.byteCost
            let (cpu, memory) = node.attempts.reduce(into: (0, 0)) { sum, slot in
                sum.0 += key(slot).cpuMillis
                sum.1 += key(slot).memoryBytes
            }
            if node.used != node.attempts.count { return "\(node.id) counts \(node.used) of \(node.attempts.count)" }
            if node.cpuMillisUsed != cpu { return "\(node.id) counts \(node.cpuMillisUsed) of \(cpu) cpu" }
            if node.memoryBytesUsed != memory { return "\(node.id) counts \(node.memoryBytesUsed) of \(memory) bytes" }
            if node.openPosition >= 0, !Fit.isOpen(node, now: now) {
                return "\(node.id) is open, and may take nothing"
            }
            for (position, slot) in node.attempts.enumerated()
            where tasks[slot].node != index || tasks[slot].nodePosition != position {
                return "\(node.id) has an attempt that is not there"
            }
        }
        return bytes == byteCount ? nil : "the nodes' texts take \(bytes) bytes, \(byteCount) are counted"
    }
}
