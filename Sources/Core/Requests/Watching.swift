import PodlingProtocol

/// `watch`: a subscription to transitions, as they happen or from a cursor on.
extension MasterCore {
    mutating func watch(
        _ wanted: WatchRequest,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        let cursor = wanted.cursor
        let next = try cursor.map { (cursor) throws(WireError) in try number(of: cursor) + 1 } ?? feed.events.next
        guard let name = wanted.task else {
            return try watch(nil, end: nil, from: next, request, into: &effects)
        }
        if let slot = tasks.slot(of: name) {
            touch(slot)
            tasks[slot].flags.insert(.observed)
            return try watch(tasks[slot].id, end: nil, from: next, request, into: &effects)
        }
        // The task is gone for good, except for its last transitions.
        if !configuration.asksStore, cursor != nil, let id = tasks.table.id(name) {
            return try watch(id, end: nil, from: next, request, into: &effects)
        }
        try askForTask(.watch(next: next, isResumed: cursor != nil), name, request, into: &effects)
    }

    mutating func watch(
        _ taskID: TaskID?,
        end: [UInt8]?,
        from next: Int,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        let number = try subscribe(request.session, .watch(taskID))
        effects.beginReply(request)
        effects.writer.beginObject("sub", number)
        writeCursor(next - 1, to: &effects.writer)
        effects.writer.endObject()
        effects.endReply()
        var watcher = Watcher(session: request.session, number: number, next: next)
        guard let taskID else {
            feed.append(ofAll: watcher)
            return
        }
        watcher.missed = max(0, feed.events.oldest - next)
        let kept = max(next, feed.events.oldest)..<max(next, feed.events.next)
        work &+= kept.count >> 1
        let numbers = kept.filter { feed.events[$0].taskID == taskID }
        feed.add(watcher, of: taskID, numbers: numbers, end: end)
    }

    /// The event number of a cursor, from which a watch can be resumed.
    private func number(of cursor: EventCursor) throws(WireError) -> Int {
        guard cursor.epoch == configuration.epoch || feed.knows(epoch: cursor.epoch),
            cursor.number < feed.events.next, cursor.number + 1 >= feed.events.oldest
        else {
            throw WireError(.cursorExpired, "cursor: is of another run or older than what is kept", field: "cursor")
        }
        return cursor.number
    }

    func writeCursor(_ number: Int, to writer: inout JSONWriter) {
        writer.key("cursor")
        writer.quote()
        var epoch = configuration.epoch
        epoch.withUTF8 { writer.raw(UnsafeRawBufferPointer($0)) }
        writer.byte(UInt8(ascii: ":"))
        writer.int(number)
        writer.quote()
    }
}
