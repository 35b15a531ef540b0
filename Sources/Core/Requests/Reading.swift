import PodlingProtocol

extension MasterCore {
    mutating func get(_ wanted: TaskRequest, _ request: Request, into effects: inout Effects) throws(WireError) {
        let slot = state.isStandby ? nil : tasks.slot(of: wanted.task)
        if let slot {
            touch(slot)
            return replyTask(slot, request, into: &effects)
        }
        try askForTask(.get, wanted.task, request, into: &effects)
    }

    mutating func list(_ wanted: ListRequest, _ request: Request, into effects: inout Effects) {
        // All live tasks are held in memory.
        let hasEnded = wanted.filter.statuses & TaskStatus.endedBits != 0
        if configuration.asksStore, (wanted.wantsHistory && hasEnded) || state.isStandby {
            return ask(.tasks(wanted.query), request, into: &effects)
        }
        listHeld(wanted, request, into: &effects)
    }

    private mutating func listHeld(_ wanted: ListRequest, _ request: Request, into effects: inout Effects) {
        var index: Int
        if wanted.isDescending {
            index = (wanted.cursor.map { tasks.table.place(of: $0, isAfter: false) } ?? tasks.table.placeCount) - 1
        } else {
            index = wanted.cursor.map { tasks.table.place(of: $0, isAfter: true) } ?? 0
        }
        effects.beginPage(request, of: "tasks")
        let start = effects.writer.count
        var found = 0
        var scanned = 0
        var specBytes = 0
        defer { work &+= scanned >> 1 &+ specBytes >> 5 }
        var last: TaskID?
        let end = wanted.isDescending ? -1 : tasks.table.placeCount
        let step = wanted.isDescending ? -1 : 1
        while index != end, found < wanted.limit, scanned < Limits.pageTasksScannedMax,
            effects.writer.count - start < Limits.pageBytesMax, specBytes < Limits.pageSpecBytesScannedMax
        {
            scanned += 1
            // A forgotten task advances the position too; otherwise a page of nothing but gaps would look like the
            // last.
            last = tasks.table.id(at: index)
            if let slot = tasks.table.slot(at: index), matches(slot, wanted.filter, &specBytes) {
                effects.writer.comma(before: found)
                let start = effects.writer.count
                writeTask(slot, to: &effects.writer)
                if !wanted.isPartial {
                    touch(slot)
                } else if configuration.asksStore {
                    effects.mark(tasks[slot].id, .item, from: start)
                }
                found += 1
            }
            index += step
        }
        effects.endPage(cursor: index == end ? nil : last.map { tasks.table.cursor(of: $0).pageText })
    }

    /// - Parameter specBytes: increased by the bytes of specs read.
    private func matches(_ slot: TaskSlot, _ filter: TaskFilter, _ specBytes: inout Int) -> Bool {
        if filter.statuses & (1 << tasks[slot].status.rawValue) == 0 { return false }
        if let since = filter.since, tasks[slot].createdAt < since { return false }
        if let until = filter.until, tasks[slot].createdAt >= until { return false }
        if let node = filter.node {
            guard !tasks[slot].node.isNone, nodes[tasks[slot].node].id == node else { return false }
        }
        guard filter.name != nil || !filter.labels.isEmpty else { return true }
        // Parsing has a fixed cost, however short the spec is.
        specBytes += 64 + tasks[slot].spec.count
        return filter.matchesSpec(tasks[slot].spec)
    }

    mutating func listNodes(_ wanted: NodesRequest, _ request: Request, into effects: inout Effects) {
        if state.isStandby {
            return ask(.nodes(cursor: wanted.cursor, limit: wanted.limit), request, into: &effects)
        }
        var position = 0
        if let cursor = wanted.cursor {
            position = nodes.position(notBefore: cursor)
            if position < nodes.count, nodes[nodes.sorted[position]].id == cursor { position += 1 }
        }
        let rest = nodes.sorted[position...].lazy.map { [nodes] in nodes[$0] }
        effects.replyPage(request, rest, limit: wanted.limit)
    }

    mutating func ping(_ request: Request, into effects: inout Effects) {
        effects.beginReply(request)
        effects.writer.beginObject("now")
        effects.writer.timestamp(milliseconds: now.wall)
        effects.writer.member("server", configuration.server)
        effects.writer.member("epoch", configuration.epoch)
        state.writeStandby(to: &effects.writer)
        if state.isShuttingDown { effects.writer.member("draining", true) }
        effects.writer.member("uptimeSeconds", Int((now.monotonic - startedAt.monotonic) / 1_000))
        if configuration.asksStore {
            state.writeStoreHealth(refusedTasks: changes.unsavedCount, to: &effects.writer)
        }
        // A standby holds no tasks, and so has no counts.
        if !state.isStandby { writeCounts(into: &effects) }
        state.writeCertificate(now: now, to: &effects.writer)
        effects.writer.endObject()
        effects.endReply()
    }

    private func writeCounts(into effects: inout Effects) {
        let online = nodes.sorted.reduce(0) { $0 + (nodes[$1].isOnline ? 1 : 0) }
        effects.writer.key("nodes")
        effects.writer.beginObject("online", online)
        effects.writer.member("offline", nodes.count - online)
        effects.writer.endObject()
        effects.writer.key("tasks")
        for status in TaskStatus.allCases {
            if status == .pending {
                effects.writer.beginObject(status.name, tasks.count(status))
            } else {
                effects.writer.member(status.name, tasks.count(status))
            }
        }
        effects.writer.endObject()
    }

    mutating func help(_ request: Request, into effects: inout Effects) {
        effects.replyEmpty(request)
        let head: [StaticString] = [
            "One JSON object a line: {\\\"op\\\":\\\"submit\\\",\\\"name\\\":\\\"hi\\\",\\\"image\\\":\\\"busybox\\\",\\\"command\\\":[\\\"echo\\\",\\\"hi\\\"]}",
            "Each is answered by {\\\"re\\\":id,\\\"ok\\\":{...}} or {\\\"re\\\":id,\\\"err\\\":{...}}; id is yours to choose.",
            "op           members [optional]",
        ]
        for line in head { writeHelp(line, after: "", request, into: &effects) }
        for row in Operation.inHelpOrder.map(\.row) { writeHelp(row.help, after: row.name, request, into: &effects) }
    }

    /// - Parameter name: the text of the first column; empty for a line without columns.
    private func writeHelp(
        _ text: StaticString,
        after name: StaticString,
        _ request: Request,
        into effects: inout Effects
    ) {
        let columnWidth = 13
        effects.beginEvent("help", to: request.session)
        effects.writer.key("text")
        effects.writer.quote()
        effects.writer.raw(name)
        if name.utf8CodeUnitCount > 0 {
            for _ in name.utf8CodeUnitCount..<columnWidth { effects.writer.byte(UInt8(ascii: " ")) }
        }
        effects.writer.raw(text)
        effects.writer.quote()
        effects.endEvent()
    }
}
