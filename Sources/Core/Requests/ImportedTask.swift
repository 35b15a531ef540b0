import PodlingProtocol

/// The members of `import` (proto-spec.md, section 6.21).
struct ImportRequest {
    private(set) var tasks: [ImportedTask] = []

    /// - Parameter wall: milliseconds since 1970; ids and times far ahead of it are refused.
    init(_ root: JSONValue, wall: Int64) throws(WireError) {
        let objects = try root.required("tasks")
        guard objects.isArray, (1...Limits.importTasksMax).contains(objects.count) else {
            throw .field("tasks", "must be an array of 1 to \(Limits.importTasksMax) tasks")
        }
        tasks.reserveCapacity(objects.count)
        for object in objects.elements {
            let path = "tasks[\(tasks.count)]"
            guard object.isObject else { throw .field(path, "must be a task") }
            do throws(WireError) {
                tasks.append(try ImportedTask(TaskObject(object), wall: wall))
            } catch {
                throw error.field == nil ? WireError.field(path, error.message) : error.under(path)
            }
        }
    }
}

/// A task to be imported from another store.
struct ImportedTask: Sendable {
    var row: TaskRow
    let kept: KeptSpec

    /// - Parameter wall: milliseconds since 1970; ids and times far ahead of it are refused.
    init(_ object: TaskObject, wall: Int64) throws(WireError) {
        kept = KeptSpec(object)
        row = TaskRow(named: object.taskID, createdAt: object.createdAt)
        let end = wall + Int64(Limits.importAheadSeconds) * 1_000
        let fault = "is more than a day ahead of this master's clock"
        // New ids follow the highest existing one, and the range of ids is finite.
        guard row.id < TaskID.base(wallMilliseconds: end) else { throw .field("taskId", fault) }
        for (name, time) in [
            ("createdAt", object.createdAt), ("scheduledAt", object.scheduledAt), ("startedAt", object.startedAt),
            ("finishedAt", object.finishedAt),
        ] where time > end {
            throw .field(name, fault)
        }
        row.status = object.status
        row.reason = object.reason
        row.attempt = object.attempt
        row.exitCode = object.exitCode
        row.nodeID = object.nodeID
        row.containerID = object.containerID
        row.error = object.error
        row.detail = object.detail
        row.isCancelRequested = object.isCancelRequested
        row.scheduledAt = object.scheduledAt
        row.startedAt = object.startedAt
        row.finishedAt = object.finishedAt
        row.spec = object.summary.bytes
        row.importedAt = wall
        // The source had not exhausted `maxAttempts`, so at most that many of its attempts can be charged.
        let lostMax = object.summary.maxAttempts - (object.status == .pending ? 1 : 0)
        if !object.status.isTerminal { row.unchargedAttempts = max(object.attempt - lostMax, 0) }
    }
}

extension TaskRow {
    /// Makes the row of a task with this id, our own or a foreign one.
    package init(named text: String, createdAt: Int64) {
        var text = text
        if let id = text.withUTF8({ TaskID(UnsafeRawBufferPointer($0)) }) {
            self.init(id: id, createdAt: createdAt)
        } else {
            self.init(foreignID: text, createdAt: createdAt)
        }
    }

    /// The first difference between this task and the held task of the same id, which has its spec: the member's name,
    /// and the fault.
    ///
    /// A live held task may have continued since; a terminal one never changes.
    func difference(from here: TaskRow) -> (field: StaticString, fault: String)? {
        if createdAt != here.createdAt { return ("createdAt", "there is another task of this id") }
        guard SpecBytes.haveSameContent(spec ?? [], here.spec ?? []) else {
            return ("name", "its spec is another here")
        }
        guard status.isTerminal else {
            let isBehind = here.attempt < attempt || (here.attempt == attempt && here.stepInAttempt < stepInAttempt)
            return isBehind ? ("status", "is \(here.status.name) here, in attempt \(here.attempt)") : nil
        }
        if status != here.status { return ("status", "is \(here.status.name) here") }
        let members: [(StaticString, Bool)] = [
            ("attempt", attempt == here.attempt), ("reason", reason == here.reason),
            ("exitCode", exitCode == here.exitCode), ("nodeId", Self.areSame(nodeID, here.nodeID)),
            ("containerId", Self.areSame(containerID, here.containerID)), ("error", Self.areSame(error, here.error)),
            ("detail", Self.areSame(detail, here.detail)), ("scheduledAt", scheduledAt == here.scheduledAt),
            ("startedAt", startedAt == here.startedAt), ("finishedAt", finishedAt == here.finishedAt),
        ]
        return members.first { !$0.1 }.map { ($0.0, "is another here") }
    }

    /// The progress within its attempt; a pending task comes after it, as it waits for the next one.
    package var stepInAttempt: Int {
        switch status {
        case .scheduled: 0
        case .running: 1
        case .pending: 2
        case .completed, .failed, .cancelled: 3
        }
    }

    /// Compares by bytes; a store may not have kept a NUL.
    package static func areSame(_ one: String?, _ other: String?) -> Bool {
        guard let one, let other else { return one == nil && other == nil }
        return one.utf8.elementsEqual(other.utf8)
            || one.replacing("\0", with: "\u{FFFD}").utf8.elementsEqual(other.replacing("\0", with: "\u{FFFD}").utf8)
    }
}
