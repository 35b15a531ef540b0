/// Whether a node may be given a task: the single placement rule.
enum Fit {
    /// Whether a node accepts any task: it is online, has a free slot and a working engine, and is neither drained nor
    /// held after a rejection.
    @inline(__always)
    static func isOpen(_ node: NodeRecord, now: Int64) -> Bool {
        node.isOnline && !node.isDraining && node.engineError == nil && node.used < node.slots && node.holdUntil <= now
    }

    /// Whether an open node has the capacity and the labels that a shape requires.
    @inline(__always)
    static func hasRoom(_ node: NodeRecord, for key: ShapeKey) -> Bool {
        node.used < node.slots && node.cpuMillisUsed + key.cpuMillis <= node.cpuMillis
            && node.memoryBytesUsed + key.memoryBytes <= node.memoryBytes
            && (key.selector.isEmpty || hasLabels(node, key.selector))
    }

    /// - Parameter selector: names and values, alternating.
    private static func hasLabels(_ node: NodeRecord, _ selector: [String]) -> Bool {
        stride(from: 0, to: selector.count, by: 2).allSatisfy { index in
            node.labels.contains { $0.key == selector[index] && $0.value == selector[index + 1] }
        }
    }
}
