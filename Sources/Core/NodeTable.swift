/// All nodes, by index, by id, and those with room.
struct NodeTable {
    private var records: [NodeRecord] = []
    private var indexes: [String: Int32] = [:]
    /// Indexes sorted by node id.
    private(set) var sorted: [Int32] = []
    /// Nodes that could take a task, as far as slots go.
    private(set) var open: [Int32] = []
    private var free: [Int32] = []

    var count: Int { sorted.count }

    subscript(_ index: Int32) -> NodeRecord {
        @inline(__always)
        _read { yield records[Int(index)] }
        @inline(__always)
        _modify { yield &records[Int(index)] }
    }

    func index(of id: String) -> Int32? { indexes[id] }

    mutating func insert(_ id: String) -> Int32 {
        let index: Int32
        if let reused = free.popLast() {
            index = reused
            records[Int(index)] = NodeRecord(id: id)
        } else {
            index = Int32(truncatingIfNeeded: records.count)
            records.append(NodeRecord(id: id))
        }
        indexes[id] = index
        sorted.insert(index, at: position(notBefore: id))
        return index
    }

    mutating func remove(_ index: Int32) {
        let id = records[Int(index)].id
        setOpen(index, false)
        indexes[id] = nil
        let at = position(notBefore: id)
        if at < sorted.count, sorted[at] == index { sorted.remove(at: at) }
        records[Int(index)] = NodeRecord(id: "")
        records[Int(index)].isKnown = false
        free.append(index)
    }

    /// Where in `sorted` the first id that is at least this stands.
    func position(notBefore id: String) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if records[Int(sorted[middle])].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func setOpen(_ index: Int32, _ isOpen: Bool) {
        let position = records[Int(index)].openPosition
        guard (position >= 0) != isOpen else { return }
        if isOpen {
            records[Int(index)].openPosition = Int32(truncatingIfNeeded: open.count)
            open.append(index)
        } else {
            let last = open.removeLast()
            if last != index {
                open[Int(position)] = last
                records[Int(last)].openPosition = position
            }
            records[Int(index)].openPosition = -1
        }
    }
}
