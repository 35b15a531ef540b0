import PodlingProtocol

extension MasterCore {
    /// Imports tasks of another store as they are, or finds that they exist already (proto-spec.md, section 6.21).
    mutating func importTasks(
        _ wanted: ImportRequest,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        if configuration.asksStore {
            let unknown = wanted.tasks.filter { tasks.slot(of: $0.row) == nil }.map(\.row.idText)
            if !unknown.isEmpty {
                return ask(.existing(ids: unknown), request, importing: wanted.tasks, into: &effects)
            }
        }
        try take(wanted.tasks, stored: [:], request, into: &effects)
    }

    /// Continues an import, now that the store has reported which of the ids it has.
    mutating func goOn(
        _ asked: Effects.Query,
        _ request: Request,
        _ page: StorePage,
        into effects: inout Effects
    ) {
        guard asked.importNumber == changes.importNumber else {
            // Another import was taken meanwhile, which the store did not have when it was asked.
            return ask(asked, into: &effects)
        }
        var stored: [[UInt8]: TaskRow] = [:]
        for row in page.tasks { stored[Array(row.idText.utf8)] = row }
        do throws(WireError) {
            try take(asked.importing, stored: stored, request, into: &effects)
        } catch {
            effects.reply(request, error)
        }
    }

    /// The outcome of one request.
    private struct Outcome {
        var new: [Int] = []
        var existing = 0
        /// The existing ones that are held in memory.
        var held: [TaskSlot] = []
        var conflicts: [(index: Int, error: WireError)] = []
    }

    private mutating func take(
        _ imports: [ImportedTask],
        stored: [[UInt8]: TaskRow],
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        let outcome = sorted(imports, stored)
        try checkRoom(for: outcome.new.map { imports[$0] })
        tasks.beginInserting()
        let group = nextGroup(of: outcome.new.count)
        for index in outcome.new {
            let id = insert(imports[index], into: &effects)
            if group > 0 { changes.put(id, inGroup: group) }
        }
        tasks.endInserting()
        work &+= imports.count &* 20 &+ (outcome.new.isEmpty ? 0 : tasks.count >> 4)
        if !outcome.new.isEmpty { changes.importedSome() }
        effects.beginReply(request)
        effects.writer.beginObject("imported", outcome.new.count)
        effects.writer.member("existing", outcome.existing)
        effects.writer.key("conflicts")
        effects.writer.beginArray()
        for (place, conflict) in outcome.conflicts.enumerated() {
            effects.writer.comma(before: place)
            effects.writer.beginObject("index", conflict.index)
            effects.writer.member("taskId", imports[conflict.index].row.idText)
            effects.writer.member("field", conflict.error.field ?? "")
            effects.writer.member("msg", conflict.error.message)
            effects.writer.endObject()
        }
        effects.writer.endArray()
        effects.writer.endObject()
        effects.endReply()
        for slot in outcome.held { touch(slot) }
    }

    private func sorted(_ imports: [ImportedTask], _ stored: [[UInt8]: TaskRow]) -> Outcome {
        var outcome = Outcome()
        var seen: [[UInt8]: Int] = [:]
        var keys: Set<String> = []
        for (index, task) in imports.enumerated() {
            let id = Array(task.row.idText.utf8)
            let here = seen[id].map { imports[$0].row } ?? tasks.slot(of: task.row).map { wholeRow($0) } ?? stored[id]
            if let held = tasks.slot(of: task.row) { outcome.held.append(held) }
            if let here {
                if let (field, fault) = task.row.difference(from: here) {
                    outcome.conflicts.append((index, .field(field.description, fault)))
                } else {
                    outcome.existing += 1
                }
                continue
            }
            if let key = task.kept.summary.idempotencyKey {
                guard tasks.slot(ofKey: key) == nil, keys.insert(key).inserted else {
                    outcome.conflicts.append((index, .field("idempotencyKey", "another task here has it")))
                    continue
                }
            }
            seen[id] = index
            outcome.new.append(index)
        }
        return outcome
    }

    // MARK: Capacity

    private func checkRoom(for imports: [ImportedTask]) throws(WireError) {
        let live = imports.filter { !$0.row.status.isTerminal }.map(\.kept.summary)
        try checkRoom(for: live)
        let ended = imports.count - live.count
        let endedCost = imports.reduce(0) { cost, task in
            guard !configuration.asksStore, task.row.status.isTerminal else { return cost }
            return cost + TaskRecord(id: tasks.nextID, createdAt: 0, summary: task.kept.summary).byteCost
        }
        if endedCost > 0, tasks.byteCost + endedCost > configuration.tasksBytesMax {
            throw WireError(
                .overloaded,
                "\(configuration.tasksBytesMax) bytes are the most that tasks may take in memory (--tasks-bytes-max)",
                isRetryable: false
            )
        }
        if !configuration.asksStore, tasks.ended.count + ended > configuration.finishedTasksMax {
            // Imported tasks must evict neither held tasks nor one another.
            throw WireError(
                .overloaded,
                "\(configuration.finishedTasksMax) ended tasks are the most this master keeps in memory (--retain-finished-count)",
                isRetryable: false
            )
        }
        let foreign = imports.count { $0.row.foreignID != nil }
        guard foreign == 0 || tasks.table.foreign.count + foreign <= configuration.foreignIDsMax else {
            let message =
                "\(configuration.foreignIDsMax) ids of other systems are the most this master knows in one run"
            throw WireError(.overloaded, message, isRetryable: false)
        }
        let names = Set(imports.compactMap(\.row.nodeID)).filter { nodes.index(of: $0) == nil }
        guard names.isEmpty || nodes.count + names.count <= configuration.nodesMax else {
            let message = "\(configuration.nodesMax) nodes are the most this master knows, those of imported tasks too"
            throw WireError(.overloaded, message, retryAfterMilliseconds: 1_000)
        }
    }

    // MARK: Inserting one task

    private mutating func insert(_ task: ImportedTask, into effects: inout Effects) -> TaskID {
        var row = task.row
        row.importedAt = now.wall
        let id = row.foreignID.map { tasks.addForeign(Array($0.utf8), createdAt: row.createdAt) } ?? row.id
        if row.status.isTerminal, configuration.asksStore, tasks.ended.count >= configuration.finishedTasksMax {
            row.id = id
            if !id.isForeign { tasks.skipIDs(before: id.next) }
            touched.append(id)
            changes.append(forgotten: row)
            return id
        }
        let slot = take(row, id, task.kept)
        tasks[slot].flags.insert(.unsaved)
        changed(slot)
        guard !tasks[slot].status.isTerminal else { return id }
        let node = tasks[slot].node
        happened(
            TaskEvent(
                taskID: id,
                slot: slot,
                attempt: tasks[slot].attempt,
                node: node.isNone ? nil : nodes[node].id,
                at: now.wall,
                from: nil,
                to: tasks[slot].status,
                reason: tasks[slot].reason
            )
        )
        // A registered worker has already named its attempts, and this is none of them.
        if tasks[slot].isAssigned, nodes[node].session != nil { lose(slot, into: &effects) }
        return id
    }
}
