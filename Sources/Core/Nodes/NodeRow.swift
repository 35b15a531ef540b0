import PodlingProtocol

/// A node as a store keeps it, and as `nodes` reports it.
package struct NodeRow: Sendable, Equatable {
    package var id: String
    /// The id of its worker's run; empty if unknown.
    package var instance = ""
    package var hostname: String?
    package var engine: String?
    package var version: String?
    package var labels: [String: String] = [:]
    package var slots = 0
    /// nil if its worker named no bound.
    package var cpuMillis: Int?
    package var memoryBytes: Int?
    /// The number of its attempts, and the resources allotted to them.
    package var used = 0
    package var cpuMillisUsed = 0
    package var memoryBytesUsed = 0
    package var isOnline = false
    package var isDraining = false
    /// Why its engine runs nothing. It is not stored.
    package var engineError: String?
    /// Milliseconds since 1970; 0 means never.
    package var registeredAt: Int64 = 0
    /// The time of its last sign of life. It is stored only now and then.
    package var lastSeenAt: Int64 = 0

    package init(id: String) { self.id = id }
}

extension NodeRow {
    /// Makes the row of a held node.
    init(_ node: NodeRecord) {
        self.init(id: node.id)
        instance = node.instance
        hostname = node.hostname
        engine = node.engine
        version = node.version
        labels = Dictionary(node.labels.map { ($0.key, $0.value) }) { $1 }
        slots = node.slots
        cpuMillis = node.cpuMillisBound
        memoryBytes = node.memoryBytesBound
        used = node.used
        cpuMillisUsed = node.cpuMillisUsed
        memoryBytesUsed = node.memoryBytesUsed
        isOnline = node.isOnline
        isDraining = node.isDraining
        engineError = node.engineError
        registeredAt = node.registeredAt
        lastSeenAt = node.lastSeenAt
    }
}
