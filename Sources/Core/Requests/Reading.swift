import PodlingProtocol

extension MasterCore {
    mutating func get(_ request: Request, into effects: inout Effects) throws(WireError) {
        let value = try request.root.required("taskId")
        let slot = standing.isStandby ? nil : tasks.slot(of: value)
        if let slot {
            touch(slot)
            return replyTask(slot, request, into: &effects)
        }
        try askForTask(.get, value, request, into: &effects)
    }

    mutating func list(_ request: Request, into effects: inout Effects) throws(WireError) {
        let filter = try TaskFilter(request.root)
        let limit = try request.root.optional("limit")?.integer("limit", in: 1...Limits.pageItemsMax)
        let isDescending = try Self.isDescending(request.root)
        let cursor = try Self.taskCursor(request.root.optional("cursor"))
        let wantsHistory = try request.root.optional("history")?.flag("history") ?? false
        // All live tasks are held in memory.
        let hasEnded = filter.statuses & TaskStatus.endedBits != 0
        if configuration.asksStore, (wantsHistory && hasEnded) || standing.isStandby {
            let query = TaskQuery(
                filter: filter,
                cursor: cursor?.text,
                limit: limit ?? Limits.pageItemsDefault,
                isDescending: isDescending
            )
            return ask(.tasks(query), request, into: &effects)
        }
        var index: Int
        if isDescending {
            index = (cursor.map { tasks.records.place(of: $0, isAfter: false) } ?? tasks.records.placeCount) - 1
        } else {
            index = cursor.map { tasks.records.place(of: $0, isAfter: true) } ?? 0
        }
        effects.beginPage(request, of: "tasks")
        let start = effects.writer.count
        var found = 0
        var scanned = 0
        var specBytes = 0
        defer { work &+= scanned >> 1 &+ specBytes >> 5 }
        var last: TaskID?
        let end = isDescending ? -1 : tasks.records.placeCount
        let step = isDescending ? -1 : 1
        while index != end, found < limit ?? Limits.pageItemsDefault, scanned < Limits.pageTasksScannedMax,
            effects.writer.count - start < Limits.pageBytesMax, specBytes < Limits.pageSpecBytesScannedMax
        {
            scanned += 1
            // A forgotten task advances the position too; otherwise a page of nothing but gaps would look like the
            // last.
            last = tasks.records.id(at: index)
            if let slot = tasks.records.slot(at: index), matches(slot, filter, &specBytes) {
                effects.writer.comma(before: found)
                writeTask(slot, to: &effects.writer)
                touch(slot)
                found += 1
            }
            index += step
        }
        effects.endPage(cursor: index == end ? nil : last.map { tasks.records.cursor(of: $0).pageText })
    }

    private static func isDescending(_ root: JSONValue) throws(WireError) -> Bool {
        guard let order = root.optional("order") else { return false }
        if order.stringEquals("desc") { return true }
        guard order.stringEquals("asc") else { throw .field("order", "must be asc or desc") }
        return false
    }

    private static func taskCursor(_ value: JSONValue?) throws(WireError) -> TaskCursor? {
        guard let value else { return nil }
        guard let cursor = TaskCursor(value) else { throw .field("cursor", "must be the cursor of an earlier page") }
        return cursor
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

    mutating func listNodes(_ request: Request, into effects: inout Effects) throws(WireError) {
        let limit =
            try request.root.optional("limit")?.integer("limit", in: 1...Limits.pageItemsMax) ?? Limits.pageItemsDefault
        // A node id given by another system may be any text up to the length of a task id.
        let cursor = try request.root.optional("cursor")?.text("cursor", bytes: 0...Limits.taskIDBytesMax)
        if standing.isStandby { return ask(.nodes(cursor: cursor, limit: limit), request, into: &effects) }
        var position = 0
        if let cursor {
            position = nodes.position(notBefore: cursor)
            if position < nodes.count, nodes[nodes.sorted[position]].id == cursor { position += 1 }
        }
        let rest = nodes.sorted[position...].lazy.map { [nodes] in nodes[$0] }
        effects.replyPage(request, rest, limit: limit)
    }

    mutating func ping(_ request: Request, into effects: inout Effects) {
        effects.beginReply(request)
        effects.writer.beginObject("now")
        effects.writer.timestamp(milliseconds: now.wall)
        effects.writer.member("server", configuration.server)
        effects.writer.member("epoch", configuration.epoch)
        standing.writeStandby(to: &effects.writer)
        if standing.isShuttingDown { effects.writer.member("draining", true) }
        effects.writer.member("uptimeSeconds", Int((now.monotonic - startedAt.monotonic) / 1_000))
        if configuration.asksStore {
            standing.writeStoreHealth(refusedTasks: changes.unsavedCount, to: &effects.writer)
        }
        // A standby holds no tasks, and so has no counts.
        if !standing.isStandby { writeCounts(into: &effects) }
        standing.writeCertificate(now: now, to: &effects.writer)
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
