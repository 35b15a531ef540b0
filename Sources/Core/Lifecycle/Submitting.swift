import PodlingProtocol

extension MasterCore {
    mutating func submit(
        _ summary: TaskSummary,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        if let slot = try known(summary) {
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

    mutating func submitMany(
        _ wanted: SubmitManyRequest,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        for (index, summary) in wanted.tasks.enumerated() {
            do throws(WireError) { _ = try known(summary) } catch { throw error.under("tasks[\(index)]") }
        }
        try checkRoom(for: wanted.tasks)
        let group = nextGroup(of: wanted.tasks.count)
        effects.beginReply(request)
        effects.writer.beginObject("taskIds")
        effects.writer.beginArray()
        for (index, summary) in wanted.tasks.enumerated() {
            effects.writer.comma(before: index)
            let slot = summary.idempotencyKey.flatMap { tasks.slot(ofKey: $0) } ?? insert(summary)
            touch(slot)
            if group > 0, tasks[slot].flags.contains(.unsaved) {
                changes.put(tasks[slot].id, inGroup: group)
            }
            tasks.table.write(tasks[slot].id, to: &effects.writer)
        }
        effects.writer.endArray()
        effects.writer.endObject()
        effects.endReply()
    }

    /// The task that already has this idempotency key.
    private func known(_ summary: TaskSummary) throws(WireError) -> TaskSlot? {
        guard let key = summary.idempotencyKey, let slot = tasks.slot(ofKey: key) else { return nil }
        guard SpecBytes.haveSameContent(tasks[slot].spec, summary.bytes) else { throw .keyConflict }
        return slot
    }

    private mutating func insert(_ summary: TaskSummary) -> TaskSlot {
        var record = TaskRecord(id: tasks.takeID(), createdAt: now.wall, summary: summary)
        record.flags.insert(.unsaved)
        record.shape = pending.retain(ShapeKey(summary))
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
