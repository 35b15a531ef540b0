import PodlingProtocol

/// Telling transitions as they happen, and from a cursor on.
extension MasterCore {
    /// Events told to one connection in one turn; the rest follows in the next.
    private static let eventsPerTurnMax = 1_024
    /// What all watchers are told in one turn.
    private static let toldBytesPerTurnMax = 512 * 1024

    mutating func watch(_ request: Request, into effects: inout Effects) throws(WireError) {
        let cursor = request.root.optional("cursor")
        let next = try cursor.map { (value) throws(WireError) in try eventNumber(value) + 1 } ?? events.next
        guard let value = request.root.optional("taskId") else {
            return try watch(nil, end: nil, from: next, request, into: &effects)
        }
        if let slot = tasks.slot(of: value) {
            touch(slot)
            tasks[slot].flags.insert(.observed)
            return try watch(tasks[slot].id, end: nil, from: next, request, into: &effects)
        }
        // It is gone for good, but for its last transitions.
        if !configuration.asksStore, cursor != nil, let id = tasks.id(value) {
            return try watch(id, end: nil, from: next, request, into: &effects)
        }
        try askForTask(.watch(next: next, isResumed: cursor != nil), value, request, into: &effects)
    }

    mutating func watch(
        _ taskID: TaskID?,
        end: [UInt8]?,
        from next: Int,
        _ request: some Asked,
        into effects: inout Effects
    ) throws(WireError) {
        let number = try subscribe(request.session, .watch(taskID))
        effects.beginReply(request)
        effects.writer.raw("{\"sub\":")
        effects.writer.int(number)
        writeCursor(next - 1, to: &effects.writer)
        effects.writer.byte(UInt8(ascii: "}"))
        effects.endReply()
        var watcher = Watcher(session: request.session, number: number, next: next)
        guard let taskID else {
            watchers.ofAll.append(watcher)
            watchersToldUpTo = 0
            return
        }
        watcher.missed = max(0, events.oldest - next)
        let kept = max(next, events.oldest)..<max(next, events.next)
        work &+= kept.count >> 1
        let numbers = kept.filter { events[$0].taskID == taskID }
        watchers.add(watcher, of: taskID, numbers: numbers, end: end)
    }

    /// The event number of a cursor `epoch:number`.
    private func eventNumber(_ value: JSONValue) throws(WireError) -> Int {
        guard let text = value.string(), let colon = text.firstIndex(of: ":"),
            let number = Int(text[text.index(after: colon)...]), number >= 0
        else { throw .field("cursor", "must be the cursor of an earlier event") }
        let epoch = String(text[..<colon])
        guard epoch == configuration.epoch || earlierRuns.contains(epoch), number < events.next,
            number + 1 >= events.oldest
        else {
            throw WireError(.cursorExpired, "cursor: is of another run or older than what is kept", field: "cursor")
        }
        return number
    }

    private func writeCursor(_ number: Int, to writer: inout JSONWriter) {
        writer.raw(",\"cursor\":\"")
        var epoch = configuration.epoch
        epoch.withUTF8 { writer.raw(UnsafeRawBufferPointer($0)) }
        writer.byte(UInt8(ascii: ":"))
        writer.int(number)
        writer.byte(UInt8(ascii: "\""))
    }

    // MARK: Telling

    /// Whether somebody has more to be told, or more is to be looked at: the shell then calls `endTurn` again.
    public var hasMoreToTell: Bool {
        (!watchers.ofAll.isEmpty && watchersToldUpTo != events.next) || watchers.hasDue || !observedEnds.isEmpty
            || !endings.isEmpty || shapes.isLookedThrough == false
    }

    /// Sends each watcher that keeps up what it has not seen, as much as a turn may hold.
    mutating func tellWatchers(into effects: inout Effects) {
        guard !watchers.isEmpty else { return }
        eventTexts.removeAll()
        let start = effects.byteCount
        tellOfTasks(upTo: start + Self.toldBytesPerTurnMax / 2, into: &effects)
        tellOfAll(upTo: start + Self.toldBytesPerTurnMax, into: &effects)
    }

    private mutating func tellOfAll(upTo end: Int, into effects: inout Effects) {
        var isBehind = false
        for _ in 0..<watchers.ofAll.count {
            if watchers.position >= watchers.ofAll.count { watchers.position = 0 }
            var watcher = watchers.ofAll[watchers.position]
            let isAlive = sessions.isWaiting(watcher.session, watcher.number)
            if isAlive, watcher.next < events.next, !sessions[watcher.session.slot].isBackedUp {
                guard effects.byteCount < end else {
                    isBehind = true
                    break
                }
                tellGap(&watcher, missed: events.oldest - watcher.next, into: &effects)
                let sharers = max(1, sessions[watcher.session.slot].subscriptions.count)
                let last = min(events.next, watcher.next + max(1, Self.eventsPerTurnMax / sharers))
                while watcher.next < last {
                    tell(watcher, watcher.next, into: &effects)
                    watcher.next += 1
                }
                watchers.ofAll[watchers.position] = watcher
                if watcher.next < events.next { isBehind = true }
            }
            watchers.position += 1
        }
        watchersToldUpTo = isBehind ? 0 : events.next
    }

    private mutating func tellOfTasks(upTo end: Int, into effects: inout Effects) {
        for task in watchers.takeDue() {
            guard effects.byteCount < end else {
                watchers.markDue(task)
                continue
            }
            var watch = watchers.take(task)
            let isWhole = tell(&watch, task, upTo: end, into: &effects)
            watchers.put(watch, task)
            if !isWhole { watchers.markDue(task) }
        }
    }

    /// - Returns: false where the turn is full before all are told.
    private mutating func tell(
        _ watch: inout TaskWatch,
        _ task: TaskID,
        upTo end: Int,
        into effects: inout Effects
    ) -> Bool {
        let slot = tasks.slot(of: task)
        let hasEnded = watch.end != nil || slot.map { tasks[$0].status.isTerminal } == true
        var object = watch.end
        var left: [Watcher] = []
        var told = 0
        for watcher in watch.watchers {
            guard effects.byteCount < end else { break }
            told += 1
            guard sessions.isWaiting(watcher.session, watcher.number) else { continue }
            var watcher = watcher
            guard !sessions[watcher.session.slot].isBackedUp else {
                left.append(watcher)
                continue
            }
            let missed = watch.numbers.count { $0 >= watcher.next && $0 < events.oldest }
            tellGap(&watcher, missed: missed + watcher.missed, into: &effects)
            for number in watch.numbers where number >= watcher.next {
                tell(watcher, number, into: &effects)
                watcher.next = number + 1
            }
            guard hasEnded else {
                left.append(watcher)
                continue
            }
            if object == nil, let slot { object = self.object(slot) }
            effects.beginDone(watcher.number, watcher.session)
            effects.writer.raw(object ?? [])
            effects.endDone()
            forget(watcher.number, of: watcher.session)
        }
        let isWhole = told == watch.watchers.count
        watch.watchers = left + watch.watchers[told...]
        let oldest = watch.watchers.map(\.next).min() ?? events.next
        watch.numbers.removeAll { $0 < oldest }
        return isWhole
    }

    private mutating func tellGap(_ watcher: inout Watcher, missed: Int, into effects: inout Effects) {
        guard missed > 0 else { return }
        effects.begin(watcher.session)
        effects.writer.raw("{\"ev\":\"gap\",\"sub\":")
        effects.writer.int(watcher.number)
        effects.writer.raw(",\"missed\":")
        effects.writer.int(missed)
        writeCursor(events.oldest - 1, to: &effects.writer)
        effects.writer.byte(UInt8(ascii: "}"))
        effects.end()
        watcher.missed = 0
        watcher.next = max(watcher.next, events.oldest)
    }

    /// A task that somebody may watch is about to be forgotten.
    mutating func keepEnd(_ slot: TaskSlot) {
        guard watchers.lacksEnd(tasks[slot].id) else { return }
        watchers.keepEnd(object(slot), of: tasks[slot].id)
    }

    private mutating func tell(_ watcher: Watcher, _ number: Int, into effects: inout Effects) {
        effects.begin(watcher.session)
        effects.writer.raw("{\"ev\":\"task\",\"sub\":")
        effects.writer.int(watcher.number)
        if let text = eventTexts[number] {
            effects.writer.raw(text)
        } else {
            let start = effects.byteCount
            write(number, to: &effects.writer)
            effects.writer.withUnsafeBytes(in: start..<effects.byteCount) { eventTexts.keep($0, of: number) }
        }
        effects.end()
    }

    private func write(_ number: Int, to writer: inout JSONWriter) {
        let event = events[number]
        writeCursor(number, to: &writer)
        writer.raw(",\"at\":")
        writer.timestamp(milliseconds: event.at)
        writer.raw(",\"taskId\":")
        tasks.write(event.taskID, to: &writer)
        if !event.slot.isNone, tasks[event.slot].id == event.taskID {
            writer.raw(",\"name\":")
            writeName(event.slot, to: &writer)
        }
        writer.raw(",\"attempt\":")
        writer.int(Int(event.attempt))
        if let from = event.from {
            writer.raw(",\"from\":\"")
            writer.raw(from.name)
            writer.byte(UInt8(ascii: "\""))
        }
        writer.raw(",\"to\":\"")
        writer.raw(event.to.name)
        writer.byte(UInt8(ascii: "\""))
        if let node = event.node {
            writer.raw(",\"nodeId\":")
            writer.string(node)
        }
        if event.reason != .none {
            writer.raw(",\"reason\":\"")
            writer.raw(event.reason.name)
            writer.byte(UInt8(ascii: "\""))
        }
        writer.byte(UInt8(ascii: "}"))
    }
}
