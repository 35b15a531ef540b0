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
        writer.beginObject("nodeId", id)
        writer.member("status", word: isOnline ? "online" : "offline")
        if isDraining { writer.member("draining", true) }
        writer.member("hostname", ifAny: hostname)
        writer.member("engine", ifAny: engine)
        writer.member("version", ifAny: version)
        if !instance.isEmpty { writer.member("instance", instance) }
        writer.member("engineError", ifAny: engineError)
        writer.member("slots", slots)
        writer.member("used", used)
        if let cpuMillisBound { writer.member("cpu", thousandths: cpuMillisBound) }
        writer.member("cpuUsed", thousandths: cpuMillisUsed)
        writer.member("memory", ifAny: memoryBytesBound)
        writer.member("memoryUsed", memoryBytesUsed)
        writeLabels(to: &writer)
        if registeredAt != 0 { writer.member("registeredAt", milliseconds: registeredAt) }
        if lastSeenAt != 0 { writer.member("lastHeartbeat", milliseconds: lastSeenAt) }
        writer.endObject()
    }

    private func writeLabels(to writer: inout JSONWriter) {
        let labels = labelsByName
        guard !labels.isEmpty else { return }
        writer.key("labels")
        writer.object(ofStrings: labels)
    }
}
