import PodlingProtocol

/// The members of the task object (proto-spec.md, section 5.2) that a held task and a row of the store both have.
protocol TaskMembers {
    var status: TaskStatus { get }
    var attempt: Int { get }
    var containerID: String? { get }
    var error: String? { get }
    var detail: String? { get }
    var reason: TaskReason { get }
    var exitCode: Int? { get }
    var isCancelRequested: Bool { get }
    /// Milliseconds since 1970; 0 means not yet.
    var createdAt: Int64 { get }
    var scheduledAt: Int64 { get }
    var startedAt: Int64 { get }
    var finishedAt: Int64 { get }

    /// Appends the spec's members, joined by commas.
    func writeSpec(to writer: inout JSONWriter)
}

/// The id of a node, as text for a line.
struct NodeName {
    var text: String
    /// Whether the text needs no escaping.
    var isPlain = false

    /// Appends the id in quotes.
    @inline(__always)
    func write(to writer: inout JSONWriter) {
        guard isPlain else { return writer.string(text) }
        var text = text
        writer.byte(UInt8(ascii: "\""))
        text.withUTF8 { writer.raw(UnsafeRawBufferPointer($0)) }
        writer.byte(UInt8(ascii: "\""))
    }
}

extension TaskMembers {
    /// Appends the task object from the second member on; the caller writes the brace and the id before.
    @inline(__always)
    func writeMembers(node: NodeName?, to writer: inout JSONWriter) {
        writer.raw(",\"status\":\"")
        writer.raw(status.name)
        writer.raw("\",\"attempt\":")
        writer.int(attempt)
        if let node {
            writer.raw(",\"nodeId\":")
            node.write(to: &writer)
        }
        Self.write(",\"containerId\":", containerID, to: &writer)
        Self.write(",\"error\":", error, to: &writer)
        Self.write(",\"detail\":", detail, to: &writer)
        if reason != .none {
            writer.raw(",\"reason\":\"")
            writer.raw(reason.name)
            writer.byte(UInt8(ascii: "\""))
        }
        if let exitCode {
            writer.raw(",\"exitCode\":")
            writer.int(exitCode)
        }
        if isCancelRequested, !status.isTerminal { writer.raw(",\"cancelRequested\":true") }
        Self.write(",\"createdAt\":", milliseconds: createdAt, to: &writer)
        Self.write(",\"scheduledAt\":", milliseconds: scheduledAt, to: &writer)
        Self.write(",\"startedAt\":", milliseconds: startedAt, to: &writer)
        Self.write(",\"finishedAt\":", milliseconds: finishedAt, to: &writer)
        writer.byte(UInt8(ascii: ","))
        writeSpec(to: &writer)
        writer.byte(UInt8(ascii: "}"))
    }

    @inline(__always)
    private static func write(_ name: StaticString, _ text: String?, to writer: inout JSONWriter) {
        guard let text else { return }
        writer.raw(name)
        writer.string(text)
    }

    @inline(__always)
    private static func write(_ name: StaticString, milliseconds: Int64, to writer: inout JSONWriter) {
        guard milliseconds != 0 else { return }
        writer.raw(name)
        writer.timestamp(milliseconds: milliseconds)
    }
}

extension TaskRecord: TaskMembers {
    var containerID: String? { extra?.containerID }
    var error: String? { extra?.error }
    var detail: String? { extra?.detail }
    var isCancelRequested: Bool { flags.contains(.cancelRequested) }

    @inline(__always)
    func writeSpec(to writer: inout JSONWriter) { writer.raw(spec) }
}

extension TaskRow: TaskMembers {
    func writeSpec(to writer: inout JSONWriter) { writer.raw(spec ?? []) }

    /// The task object.
    func write(to writer: inout JSONWriter) {
        writer.raw("{\"taskId\":")
        writer.string(idText)
        writeMembers(node: nodeID.map { NodeName(text: $0) }, to: &writer)
    }
}

extension MasterCore {
    /// The task object.
    func writeTask(_ slot: TaskSlot, to writer: inout JSONWriter) {
        writer.raw("{\"taskId\":")
        tasks.records.write(tasks[slot].id, to: &writer)
        let node = tasks[slot].node
        tasks[slot].writeMembers(node: node.isNone ? nil : nodes[node].name, to: &writer)
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
}
