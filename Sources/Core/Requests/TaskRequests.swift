import PodlingProtocol

/// The members of `get` and `wait` (proto-spec.md, sections 6.4 and 6.7).
struct TaskRequest {
    let task: TaskName

    init(_ root: JSONValue) throws(WireError) { task = try TaskName(of: root) }
}

/// The members of `cancel` (proto-spec.md, section 6.6).
struct CancelRequest {
    let error: String?
    let task: TaskName

    init(_ root: JSONValue) throws(WireError) {
        error = try root.errorText()
        task = try TaskName(of: root)
    }
}

/// The members of `watch` (proto-spec.md, section 6.8).
struct WatchRequest {
    /// nil for new events only.
    let cursor: EventCursor?
    /// nil for all tasks.
    let task: TaskName?

    init(_ root: JSONValue) throws(WireError) {
        cursor = try root.optional("cursor").map { (value) throws(WireError) in try EventCursor(value) }
        task = try root.optional("taskId").map { (value) throws(WireError) in try TaskName(value) }
    }
}

/// The place of an event among those of a run, `epoch:number` in a line.
struct EventCursor {
    let epoch: String
    let number: Int

    init(_ value: JSONValue) throws(WireError) {
        guard let text = value.string(), let colon = text.firstIndex(of: ":"),
            let number = Int(text[text.index(after: colon)...]), number >= 0
        else { throw .field("cursor", "must be the cursor of an earlier event") }
        epoch = String(text[..<colon])
        self.number = number
    }
}

/// The members of `logs` (proto-spec.md, section 6.9).
struct LogsRequest {
    let selection: LogSelection
    let task: TaskName

    init(_ root: JSONValue) throws(WireError) {
        selection = try LogSelection(root)
        task = try TaskName(of: root)
    }
}

/// The members of `unsubscribe` (proto-spec.md, section 6.10).
struct UnsubscribeRequest {
    let subscription: Int

    init(_ root: JSONValue) throws(WireError) {
        subscription = try root.required("sub").integer("sub", in: 0...Limits.integerMax)
    }
}

extension JSONValue {
    /// The `error` of a request as a store can keep it.
    func errorText() throws(WireError) -> String? {
        guard let error = optional("error") else { return nil }
        guard error.isString else { throw .field("error", "must be a string") }
        return error.text(cutTo: Limits.errorBytesMax)
    }

    /// The string's text as a store can keep it, truncated at a character boundary to at most this many bytes; nil for
    /// any other value.
    func text(cutTo bytesMax: Int) -> String? { string()?.withoutNUL.cut(toBytes: bytesMax) }
}
