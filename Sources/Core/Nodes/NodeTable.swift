/// The records of all nodes, by index. Any machine may keep its part of a node in them; only `NodeTable`, in this file,
/// adds and removes one.
struct NodeRecords {
    private var records = Slab<NodeRecord>()

    fileprivate init() {}

    subscript(_ index: NodeIndex) -> NodeRecord {
        @inline(__always)
        _read { yield records[index] }
        @inline(__always)
        _modify { yield &records[index] }
    }

    fileprivate mutating func insert(_ record: NodeRecord) -> NodeIndex { records.insert(record) }

    fileprivate mutating func release(_ index: NodeIndex) { records.release(index) }
}

/// All nodes, by index and by id, and the list of those with capacity.
struct NodeTable {
    var records = NodeRecords()
    private var indexes: [String: NodeIndex] = [:]
    /// Indexes sorted by node id.
    private(set) var sorted: [NodeIndex] = []
    /// Nodes that could take a task, as far as slots are concerned.
    private(set) var open: [NodeIndex] = []

    var count: Int { sorted.count }

    func index(of id: String) -> NodeIndex? { indexes[id] }

    mutating func insert(_ id: String) -> NodeIndex {
        let index = records.insert(NodeRecord(id: id))
        indexes[id] = index
        sorted.insert(index, at: position(notBefore: id))
        return index
    }

    mutating func remove(_ index: NodeIndex) {
        let id = records[index].id
        setOpen(index, false)
        indexes[id] = nil
        let at = position(notBefore: id)
        if at < sorted.count, sorted[at] == index { sorted.remove(at: at) }
        records[index] = NodeRecord(id: "")
        records[index].isKnown = false
        records.release(index)
    }

    /// The position in `sorted` of the first id that is at least this.
    func position(notBefore id: String) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if records[sorted[middle]].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func setOpen(_ index: NodeIndex, _ isOpen: Bool) {
        let position = records[index].openPosition
        guard (position >= 0) != isOpen else { return }
        if isOpen {
            records[index].openPosition = open.count
            open.append(index)
        } else {
            let last = open.removeLast()
            if last != index {
                open[position] = last
                records[last].openPosition = position
            }
            records[index].openPosition = -1
        }
    }
}
