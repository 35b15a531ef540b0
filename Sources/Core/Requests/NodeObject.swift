import PodlingProtocol

/// The members of the node object (proto-spec.md, section 5.3), which a held node and a row of the store both have.
protocol NodeMembers {
    var id: String { get }
    var isOnline: Bool { get }
    var isDraining: Bool { get }
    var hostname: String? { get }
    var engine: String? { get }
    var version: String? { get }
    /// Empty if unknown.
    var instance: String { get }
    var engineError: String? { get }
    var slots: Int { get }
    var used: Int { get }
    /// nil if its worker named no bound.
    var cpuMillisBound: Int? { get }
    var cpuMillisUsed: Int { get }
    var memoryBytesBound: Int? { get }
    var memoryBytesUsed: Int { get }
    var labelsByName: [(key: String, value: String)] { get }
    /// Milliseconds since 1970; 0 means never.
    var registeredAt: Int64 { get }
    var lastSeenAt: Int64 { get }
}

extension NodeRecord: NodeMembers {
    var cpuMillisBound: Int? { cpuMillis < Quantity.cpuMillisMax ? cpuMillis : nil }
    var memoryBytesBound: Int? { memoryBytes < Quantity.memoryBytesMax ? memoryBytes : nil }
    var labelsByName: [(key: String, value: String)] { labels }
}

extension NodeRow: NodeMembers {
    var cpuMillisBound: Int? { cpuMillis }
    var memoryBytesBound: Int? { memoryBytes }
    var labelsByName: [(key: String, value: String)] {
        labels.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
    }
}

extension NodeMembers {
    /// The node object.
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
        if let cpuMillisBound { Self.writeCores(",\"cpu\":", cpuMillisBound, to: &writer) }
        Self.writeCores(",\"cpuUsed\":", cpuMillisUsed, to: &writer)
        if let memoryBytesBound {
            writer.raw(",\"memory\":")
            writer.int(memoryBytesBound)
        }
        writer.raw(",\"memoryUsed\":")
        writer.int(memoryBytesUsed)
        writeLabels(to: &writer)
        for (name, time) in [
            (",\"registeredAt\":" as StaticString, registeredAt), (",\"lastHeartbeat\":", lastSeenAt),
        ] where time != 0 {
            writer.raw(name)
            writer.timestamp(milliseconds: time)
        }
        writer.byte(UInt8(ascii: "}"))
    }

    private func writeLabels(to writer: inout JSONWriter) {
        let labels = labelsByName
        guard !labels.isEmpty else { return }
        writer.raw(",\"labels\":{")
        for (position, label) in labels.enumerated() {
            if position > 0 { writer.byte(UInt8(ascii: ",")) }
            writer.string(label.key)
            writer.byte(UInt8(ascii: ":"))
            writer.string(label.value)
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
