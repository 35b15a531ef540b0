import PodlingProtocol

/// All nodes, the resources each has allotted, and which have capacity.
///
/// A node's used resources are the sums over its attempts; it is in the list of open nodes iff it may be given a task.
struct Fleet {
    private(set) var table = NodeTable()
    /// The bytes of all nodes' texts.
    private(set) var byteCount = 0
    /// Nodes that gained capacity since tasks were last placed.
    private var freed: [NodeIndex] = []
    /// Nodes with new capacity that the scan of blocked shapes examines (`ShapeTable.nextToLookAt`).
    private(set) var roomy: [NodeIndex] = []

    subscript(_ index: NodeIndex) -> NodeRecord {
        @inline(__always)
        _read { yield table.records[index] }
        @inline(__always)
        _modify { yield &table.records[index] }
    }

    /// The records, for the machine that keeps a flag in them.
    var records: NodeRecords {
        @inline(__always)
        _read { yield table.records }
        @inline(__always)
        _modify { yield &table.records }
    }

    var count: Int { table.count }
    /// Sorted by node id.
    var sorted: [NodeIndex] { table.sorted }
    var open: [NodeIndex] { table.open }

    func index(of id: String) -> NodeIndex? { table.index(of: id) }

    func position(notBefore id: String) -> Int { table.position(notBefore: id) }

    mutating func insert(_ id: String) -> NodeIndex { table.insert(id) }

    mutating func remove(_ index: NodeIndex) {
        setByteCost(index, 0)
        table.remove(index)
    }

    /// Sets the bytes of a node's texts.
    mutating func setByteCost(_ index: NodeIndex, _ byteCost: Int) {
        byteCount += byteCost - records[index].byteCost
        records[index].byteCost = byteCost
    }

    // MARK: Attempts

    /// Adds an attempt to a node, and allots it the node's resources.
    mutating func add(_ slot: TaskSlot, _ key: ShapeKey, to index: NodeIndex, _ tasks: inout TaskRecords) {
        tasks[slot].nodePosition = records[index].attempts.count
        records[index].add(slot, key)
    }

    /// Removes an attempt from its node.
    /// - Returns: whether a node had it.
    mutating func remove(_ slot: TaskSlot, _ key: ShapeKey, _ tasks: inout TaskRecords) -> Bool {
        let index = tasks[slot].node
        let position = tasks[slot].nodePosition
        guard !index.isNone, position >= 0 else { return false }
        let last = records[index].removeAttempt(at: position, key)
        if last != slot { tasks[last].nodePosition = position }
        tasks[slot].nodePosition = -1
        return true
    }

    // MARK: Capacity

    /// Notes that a node may have gained capacity, or may take tasks again.
    mutating func noteFreed(_ index: NodeIndex, now: Int64) {
        refreshOpen(index, now: now)
        guard records[index].openPosition >= 0, !records[index].isFreed else { return }
        records[index].isFreed = true
        freed.append(index)
    }

    /// Updates whether the node is in the list of open nodes.
    mutating func refreshOpen(_ index: NodeIndex, now: Int64) {
        table.setOpen(index, Fit.isOpen(records[index], now: now))
    }

    /// Moves the nodes that gained capacity to the list that the scan examines.
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

    /// Empties that list, as all blocked shapes were compared with its nodes.
    mutating func clearRoomy() {
        for index in roomy { records[index].isLookedFor = false }
        roomy.removeAll(keepingCapacity: true)
    }

    /// The first violated invariant, given the resources allotted to each task; nil if all hold.
    func checkInvariants(_ tasks: borrowing TaskRecords, now: Int64, key: (TaskSlot) -> ShapeKey) -> String? {
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
