import HeapModule

/// When each node is to be looked at next: its lease, its hold after a rejection, the deadlines of its attempts.
///
/// An entry may be too early, never too late: a deadline that moves on leaves its entry, and whoever is looked at too early
/// is put in again. So a heartbeat costs nothing here, and a tick costs by what is due.
struct Timers {
    private struct Entry: Comparable {
        /// Monotonic milliseconds.
        var due: Int64
        var node: NodeIndex

        static func < (one: Entry, other: Entry) -> Bool {
            one.due != other.due ? one.due < other.due : one.node.offset < other.node.offset
        }
    }

    private var heap = Heap<Entry>()
    private static let never = Int64.max

    /// By the node's offset, the earliest time at which it stands in the heap; entries at other times are stale.
    private var dueByNode: [Int64] = []

    /// Sees to it that a node is looked at by this time.
    mutating func set(_ node: NodeIndex, by due: Int64) {
        while dueByNode.count <= node.offset { dueByNode.append(Self.never) }
        guard due < dueByNode[node.offset] else { return }
        dueByNode[node.offset] = due
        heap.insert(Entry(due: due, node: node))
    }

    /// Takes out the nodes whose time has come, each once, in no order.
    mutating func takeDue(now: Int64) -> [NodeIndex] {
        var due: [NodeIndex] = []
        while let first = heap.min, first.due <= now {
            heap.removeMin()
            guard dueByNode[first.node.offset] == first.due else { continue }
            dueByNode[first.node.offset] = Self.never
            due.append(first.node)
        }
        return due
    }

    /// The node is known no more.
    mutating func remove(_ node: NodeIndex) {
        if node.offset < dueByNode.count { dueByNode[node.offset] = Self.never }
    }

    /// When a node is looked at next; the end of time for one that waits for nothing.
    func due(of node: NodeIndex) -> Int64 { node.offset < dueByNode.count ? dueByNode[node.offset] : Self.never }
}
