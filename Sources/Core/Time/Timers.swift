import HeapModule

/// A timer for each node: its lease, its hold after a rejection, the deadlines of its attempts.
///
/// An entry may be too early, never too late: a deadline that moves to a later time leaves its entry, which is
/// corrected when it comes up. So a heartbeat costs nothing here, and the cost of a tick depends on what is due.
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

    /// The valid time of each node's entry in the heap, by the node's offset; entries at other times are stale.
    private var dueByNode: [Int64] = []

    /// Ensures that the node's timer fires by this time.
    mutating func set(_ node: NodeIndex, by due: Int64) {
        while dueByNode.count <= node.offset { dueByNode.append(Self.never) }
        guard due < dueByNode[node.offset] else { return }
        dueByNode[node.offset] = due
        heap.insert(Entry(due: due, node: node))
    }

    /// Removes and returns the nodes that are due, each once, unordered.
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

    /// Cancels the timer of a node that is forgotten.
    mutating func remove(_ node: NodeIndex) {
        if node.offset < dueByNode.count { dueByNode[node.offset] = Self.never }
    }

    /// The time of the node's timer; `Int64.max` if it has none.
    func due(of node: NodeIndex) -> Int64 { node.offset < dueByNode.count ? dueByNode[node.offset] : Self.never }
}
