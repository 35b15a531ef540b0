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
        cpuMillis = node.cpuMillis < Quantity.cpuMillisMax ? node.cpuMillis : nil
        memoryBytes = node.memoryBytes < Quantity.memoryBytesMax ? node.memoryBytes : nil
        used = node.used
        cpuMillisUsed = node.cpuMillisUsed
        memoryBytesUsed = node.memoryBytesUsed
        isOnline = node.isOnline
        isDraining = node.isDraining
        engineError = node.engineError
        registeredAt = node.registeredAt
        lastSeenAt = node.lastSeenWall
    }

    /// The node object (proto-spec.md, section 5.3).
    func write(to writer: inout JSONWriter) {
        writer.raw("{\"nodeId\":")
        writer.string(id)
        writer.raw(isOnline ? ",\"status\":\"online\"" : ",\"status\":\"offline\"")
        if isDraining { writer.raw(",\"draining\":true") }
        for (name, text) in [
            (",\"hostname\":" as StaticString, hostname), (",\"engine\":", engine), (",\"version\":", version),
            (",\"instance\":", instance.isEmpty ? nil : instance), (",\"engineError\":", engineError),
        ] {
            guard let text else { continue }
            writer.raw(name)
            writer.string(text)
        }
        writer.raw(",\"slots\":")
        writer.int(slots)
        writer.raw(",\"used\":")
        writer.int(used)
        if let cpuMillis { Self.writeCores(",\"cpu\":", cpuMillis, to: &writer) }
        Self.writeCores(",\"cpuUsed\":", cpuMillisUsed, to: &writer)
        if let memoryBytes {
            writer.raw(",\"memory\":")
            writer.int(memoryBytes)
        }
        writer.raw(",\"memoryUsed\":")
        writer.int(memoryBytesUsed)
        if !labels.isEmpty {
            writer.raw(",\"labels\":{")
            for (position, label) in labels.sorted(by: { $0.key < $1.key }).enumerated() {
                if position > 0 { writer.byte(UInt8(ascii: ",")) }
                writer.string(label.key)
                writer.byte(UInt8(ascii: ":"))
                writer.string(label.value)
            }
            writer.byte(UInt8(ascii: "}"))
        }
        for (name, time) in [
            (",\"registeredAt\":" as StaticString, registeredAt), (",\"lastHeartbeat\":", lastSeenAt),
        ] where time != 0 {
            writer.raw(name)
            writer.timestamp(milliseconds: time)
        }
        writer.byte(UInt8(ascii: "}"))
    }

    /// Formats thousandths as cores: `1500` is `1.5`.
    private static func writeCores(_ name: StaticString, _ millis: Int, to writer: inout JSONWriter) {
        writer.raw(name)
        writer.int(millis / 1_000)
        var rest = millis % 1_000
        guard rest > 0 else { return }
        writer.byte(UInt8(ascii: "."))
        var scale = 100
        while rest > 0 {
            writer.byte(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / scale))
            rest %= scale
            scale /= 10
        }
    }
}
