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
        writer.quote()
        text.withUTF8 { writer.raw(UnsafeRawBufferPointer($0)) }
        writer.quote()
    }
}

extension TaskMembers {
    /// Whether the task ended before its latest attempt ran: so that attempt has no output.
    var hasNeverRun: Bool {
        // A task that was placed again has no attempt yet that could have failed: its last one may have run.
        guard status.isTerminal, scheduledAt != 0, startedAt == 0, exitCode == nil else { return false }
        return switch reason {
        case .startFailed, .imagePull, .prepareTimedOut, .rejected, .cancelled: true
        case .none, .exitCode, .oomKilled, .timedOut, .runtimeError, .nodeLost, .lostTooOften, .notAccepted: false
        }
    }

    /// Appends the task object from the second member on; the caller writes the brace and the id before.
    @inline(__always)
    func writeMembers(node: NodeName?, to writer: inout JSONWriter) {
        writer.member("status", word: status.name)
        writer.member("attempt", attempt)
        if let node {
            writer.key("nodeId")
            node.write(to: &writer)
        }
        writer.member("containerId", ifAny: containerID)
        writer.member("error", ifAny: error)
        writer.member("detail", ifAny: detail)
        if reason != .none { writer.member("reason", word: reason.name) }
        writer.member("exitCode", ifAny: exitCode)
        if isCancelRequested, !status.isTerminal { writer.member("cancelRequested", true) }
        writer.member("createdAt", milliseconds: createdAt)
        if scheduledAt != 0 { writer.member("scheduledAt", milliseconds: scheduledAt) }
        if startedAt != 0 { writer.member("startedAt", milliseconds: startedAt) }
        if finishedAt != 0 { writer.member("finishedAt", milliseconds: finishedAt) }
        writer.byte(UInt8(ascii: ","))
        writeSpec(to: &writer)
        writer.endObject()
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
        writer.beginObject("taskId", idText)
        writeMembers(node: nodeID.map { NodeName(text: $0) }, to: &writer)
    }
}

extension MasterCore {
    /// The task object.
    func writeTask(_ slot: TaskSlot, to writer: inout JSONWriter) {
        writer.beginObject("taskId")
        tasks.table.write(tasks[slot].id, to: &writer)
        let node = tasks[slot].node
        tasks[slot].writeMembers(node: node.isNone ? nil : nodes[node].name, to: &writer)
    }

    /// The name as in the spec, with its quotes.
    func writeName(_ slot: TaskSlot, to writer: inout JSONWriter) {
        let start = Int(tasks[slot].nameStart)
        let count = Int(tasks[slot].nameCount)
        tasks[slot].spec.withUnsafeBytes { writer.raw(UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
    }

    /// Appends the id and the number of the attempt: `"...","attempt":1`; the caller writes the first name.
    func writeAttempt(_ slot: TaskSlot, to writer: inout JSONWriter) {
        tasks.table.write(tasks[slot].id, to: &writer)
        writer.member("attempt", tasks[slot].attempt)
    }
}
