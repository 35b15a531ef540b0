import PodlingProtocol

extension MasterCore {
    mutating func submit(_ request: Request, into effects: inout Effects) throws(WireError) {
        let summary = try TaskSummary(request.root, isEnvelope: true)
        if let slot = try known(summary, field: "idempotencyKey") {
            touch(slot)
            effects.beginReply(request, isDuplicate: true)
            writeTask(slot, to: &effects.writer)
            effects.endReply()
            return
        }
        try checkRoom(for: [summary])
        let slot = insert(summary)
        effects.beginReply(request)
        writeTask(slot, to: &effects.writer)
        effects.endReply()
    }

    mutating func submitMany(_ request: Request, into effects: inout Effects) throws(WireError) {
        let specs = try request.root.required("tasks")
        guard specs.isArray, (1...Limits.submitManyTasksMax).contains(specs.count) else {
            throw .field("tasks", "must be an array of 1 to \(Limits.submitManyTasksMax) task specs")
        }
        var summaries: [TaskSummary] = []
        summaries.reserveCapacity(specs.count)
        var keys: [String: [UInt8]] = [:]
        for spec in specs.elements {
            let path = "tasks[\(summaries.count)]"
            guard spec.isObject else { throw .field(path, "must be a task spec") }
            do throws(WireError) {
                let summary = try TaskSummary(spec, isEnvelope: false)
                _ = try known(summary, field: "idempotencyKey")
                if let key = summary.idempotencyKey {
                    if let other = keys[key], !SpecBytes.haveSameContent(other, summary.bytes) {
                        throw Self.keyConflict()
                    }
                    keys[key] = summary.bytes
                }
                summaries.append(summary)
            } catch {
                throw error.field == nil ? error : error.under(path)
            }
        }
        try checkRoom(for: summaries)
        let group = nextGroup(of: summaries.count)
        effects.beginReply(request)
        effects.writer.beginObject("taskIds")
        effects.writer.beginArray()
        for (index, summary) in summaries.enumerated() {
            effects.writer.comma(before: index)
            let slot = summary.idempotencyKey.flatMap { tasks.slot(ofKey: $0) } ?? insert(summary)
            touch(slot)
            if group > 0, tasks[slot].flags.contains(.unsaved) {
                changes.put(tasks[slot].id, inGroup: group)
            }
            tasks.records.write(tasks[slot].id, to: &effects.writer)
        }
        effects.writer.endArray()
        effects.writer.endObject()
        effects.endReply()
    }

    /// The task that already has this idempotency key.
    private func known(_ summary: TaskSummary, field: String) throws(WireError) -> TaskSlot? {
        guard let key = summary.idempotencyKey, let slot = tasks.slot(ofKey: key) else { return nil }
        guard SpecBytes.haveSameContent(tasks[slot].spec, summary.bytes) else { throw Self.keyConflict() }
        return slot
    }

    private static func keyConflict() -> WireError {
        let message = "idempotencyKey: was used with another spec; a new task needs a new key"
        return WireError(.conflict, message, field: "idempotencyKey")
    }

    private mutating func insert(_ summary: TaskSummary) -> TaskSlot {
        var record = TaskRecord(id: tasks.takeID(), createdAt: now.wall, summary: summary)
        record.flags.insert(.unsaved)
        record.shape = pending.shapes.retain(ShapeKey(summary))
        let slot = tasks.insert(record)
        changed(slot)
        happened(
            TaskEvent(
                taskID: record.id,
                slot: slot,
                attempt: 0,
                node: nil,
                at: now.wall,
                from: nil,
                to: .pending,
                reason: .none
            )
        )
        pending.insert(slot, isRequeued: false, &tasks.records)
        return slot
    }
}

extension ShapeKey {
    init(_ summary: TaskSummary) {
        self.init(
            cpuMillis: summary.cpuMillis,
            memoryBytes: summary.memoryBytes,
            selector: summary.nodeSelector.isEmpty ? [] : summary.nodeSelector.flatMap { [$0.key, $0.value] }
        )
    }
}

/// Comparison of specs as bytes.
enum SpecBytes {
    /// Whether two specs have the same content, however they are formatted: a program in between may have rewritten
    /// them.
    static func haveSameContent(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        if one == other { return true }
        var reader = JSONReader()
        var otherReader = JSONReader()
        return reader.readObject(ofMembers: one) { one in
            otherReader.readObject(ofMembers: other) { one.hasContent(of: $0) }
        } ?? false
    }
}
