/// All nodes, by index and by id, and the list of those with capacity.
struct NodeTable {
    private var records: [NodeRecord] = []
    private var indexes: [String: NodeIndex] = [:]
    /// Indexes sorted by node id.
    private(set) var sorted: [NodeIndex] = []
    /// Nodes that could take a task, as far as slots are concerned.
    private(set) var open: [NodeIndex] = []
    private var free: [NodeIndex] = []

    var count: Int { sorted.count }

    subscript(_ index: NodeIndex) -> NodeRecord {
        @inline(__always)
        _read { yield records[index.offset] }
        @inline(__always)
        _modify { yield &records[index.offset] }
    }

    func index(of id: String) -> NodeIndex? { indexes[id] }

    mutating func insert(_ id: String) -> NodeIndex {
        let index: NodeIndex
        if let reused = free.popLast() {
            index = reused
            records[index.offset] = NodeRecord(id: id)
        } else {
            index = NodeIndex(offset: records.count)
            records.append(NodeRecord(id: id))
        }
        indexes[id] = index
        sorted.insert(index, at: position(notBefore: id))
        return index
    }

    mutating func remove(_ index: NodeIndex) {
        let id = records[index.offset].id
        setOpen(index, false)
        indexes[id] = nil
        let at = position(notBefore: id)
        if at < sorted.count, sorted[at] == index { sorted.remove(at: at) }
        records[index.offset] = NodeRecord(id: "")
        records[index.offset].isKnown = false
        free.append(index)
    }

    /// The position in `sorted` of the first id that is at least this.
    func position(notBefore id: String) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if records[sorted[middle].offset].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func setOpen(_ index: NodeIndex, _ isOpen: Bool) {
        let position = records[index.offset].openPosition
        guard (position >= 0) != isOpen else { return }
        if isOpen {
            records[index.offset].openPosition = open.count
            open.append(index)
        } else {
            let last = open.removeLast()
            if last != index {
                open[position] = last
                records[last.offset].openPosition = position
            }
            records[index.offset].openPosition = -1
        }
    }
}
