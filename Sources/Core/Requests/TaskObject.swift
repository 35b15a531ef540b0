import PodlingProtocol

extension MasterCore {
    /// The task object (proto-spec.md, section 5.2).
    func writeTask(_ slot: TaskSlot, to writer: inout JSONWriter) {
        writer.raw("{\"taskId\":")
        tasks.records.write(tasks[slot].id, to: &writer)
        writer.raw(",\"status\":\"")
        writer.raw(tasks[slot].status.name)
        writer.raw("\",\"attempt\":")
        writer.int(tasks[slot].attempt)
        let node = tasks[slot].node
        if !node.isNone {
            writer.raw(",\"nodeId\":")
            Self.writeNodeID(nodes[node], to: &writer)
        }
        if let extra = tasks[slot].extra { Self.write(extra, to: &writer) }
        let reason = tasks[slot].reason
        if reason != .none {
            writer.raw(",\"reason\":\"")
            writer.raw(reason.name)
            writer.byte(UInt8(ascii: "\""))
        }
        let flags = tasks[slot].flags
        if flags.contains(.hasExitCode) {
            writer.raw(",\"exitCode\":")
            writer.int(tasks[slot].exitCode)
        }
        if flags.contains(.cancelRequested), !tasks[slot].status.isTerminal { writer.raw(",\"cancelRequested\":true") }
        writer.raw(",\"createdAt\":")
        writer.timestamp(milliseconds: tasks[slot].createdAt)
        Self.writeTime(",\"scheduledAt\":", tasks[slot].scheduledAt, to: &writer)
        Self.writeTime(",\"startedAt\":", tasks[slot].startedAt, to: &writer)
        Self.writeTime(",\"finishedAt\":", tasks[slot].finishedAt, to: &writer)
        writer.byte(UInt8(ascii: ","))
        writer.raw(tasks[slot].spec)
        writer.byte(UInt8(ascii: "}"))
    }

    private static func write(_ extra: TaskExtra, to writer: inout JSONWriter) {
        if let containerID = extra.containerID {
            writer.raw(",\"containerId\":")
            writer.string(containerID)
        }
        if let error = extra.error {
            writer.raw(",\"error\":")
            writer.string(error)
        }
        if let detail = extra.detail {
            writer.raw(",\"detail\":")
            writer.string(detail)
        }
    }

    private static func writeTime(_ name: StaticString, _ milliseconds: Int64, to writer: inout JSONWriter) {
        guard milliseconds != 0 else { return }
        writer.raw(name)
        writer.timestamp(milliseconds: milliseconds)
    }

    /// The node's id in quotes.
    private static func writeNodeID(_ node: NodeRecord, to writer: inout JSONWriter) {
        var name = node.id
        guard node.isPlain else { return writer.string(name) }
        writer.byte(UInt8(ascii: "\""))
        name.withUTF8 { writer.raw(UnsafeRawBufferPointer($0)) }
        writer.byte(UInt8(ascii: "\""))
    }

    /// The name as in the spec, with its quotes.
    func writeName(_ slot: TaskSlot, to writer: inout JSONWriter) {
        let start = Int(tasks[slot].nameStart)
        let count = Int(tasks[slot].nameCount)
        tasks[slot].spec.withUnsafeBytes { writer.raw(UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
    }

    /// Appends `"taskId":"...","attempt":1`, without braces.
    func writeAttempt(_ slot: TaskSlot, to writer: inout JSONWriter) {
        writer.raw("\"taskId\":")
        tasks.records.write(tasks[slot].id, to: &writer)
        writer.raw(",\"attempt\":")
        writer.int(tasks[slot].attempt)
    }

    /// The node object (proto-spec.md, section 5.3).
    func writeNode(_ index: NodeIndex, to writer: inout JSONWriter) { NodeRow(nodes[index]).write(to: &writer) }
}
