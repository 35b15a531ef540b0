import PodlingProtocol

/// Publishing of transitions to watchers, as they happen or from a cursor on.
extension MasterCore {
    /// The most events sent to one connection in one turn; the rest follows in the next.
    private static let eventsPerTurnMax = 1_024
    /// The most bytes sent to all watchers in one turn.
    private static let toldBytesPerTurnMax = 512 * 1024

    mutating func watch(_ request: Request, into effects: inout Effects) throws(WireError) {
        let cursor = request.root.optional("cursor")
        let next = try cursor.map { (value) throws(WireError) in try eventNumber(value) + 1 } ?? feed.events.next
        guard let value = request.root.optional("taskId") else {
            return try watch(nil, end: nil, from: next, request, into: &effects)
        }
        if let slot = tasks.slot(of: value) {
            touch(slot)
            tasks[slot].flags.insert(.observed)
            return try watch(tasks[slot].id, end: nil, from: next, request, into: &effects)
        }
        // The task is gone for good, except for its last transitions.
        if !configuration.asksStore, cursor != nil, let id = tasks.records.id(value) {
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
        effects.writer.beginObject("sub", number)
        writeCursor(next - 1, to: &effects.writer)
        effects.writer.endObject()
        effects.endReply()
        var watcher = Watcher(session: request.session, number: number, next: next)
        guard let taskID else {
            feed.watchers.ofAll.append(watcher)
            feed.toldUpTo = 0
            return
        }
        watcher.missed = max(0, feed.events.oldest - next)
        let kept = max(next, feed.events.oldest)..<max(next, feed.events.next)
        work &+= kept.count >> 1
        let numbers = kept.filter { feed.events[$0].taskID == taskID }
        feed.watchers.add(watcher, of: taskID, numbers: numbers, end: end)
    }

    /// The event number of a cursor `epoch:number`.
    private func eventNumber(_ value: JSONValue) throws(WireError) -> Int {
        guard let text = value.string(), let colon = text.firstIndex(of: ":"),
            let number = Int(text[text.index(after: colon)...]), number >= 0
        else { throw .field("cursor", "must be the cursor of an earlier event") }
        let epoch = String(text[..<colon])
        guard epoch == configuration.epoch || feed.knows(epoch: epoch), number < feed.events.next,
            number + 1 >= feed.events.oldest
        else {
            throw WireError(.cursorExpired, "cursor: is of another run or older than what is kept", field: "cursor")
        }
        return number
    }

    private func writeCursor(_ number: Int, to writer: inout JSONWriter) {
        writer.key("cursor")
        writer.quote()
        var epoch = configuration.epoch
        epoch.withUTF8 { writer.raw(UnsafeRawBufferPointer($0)) }
        writer.byte(UInt8(ascii: ":"))
        writer.int(number)
        writer.quote()
    }

    // MARK: Notifying watchers

    /// Whether notifications or the scan of blocked shapes are unfinished: the shell then calls `endTurn` again.
    package var hasMoreToTell: Bool { feed.hasMore || !pending.shapes.isLookedThrough }

    /// Sends each watcher that keeps up the events that it has not seen, within the turn's limit.
    mutating func tellWatchers(into effects: inout Effects) {
        guard !feed.watchers.isEmpty else { return }
        feed.clearTexts()
        let start = effects.byteCount
        tellOfTasks(upTo: start + Self.toldBytesPerTurnMax / 2, into: &effects)
        tellOfAll(upTo: start + Self.toldBytesPerTurnMax, into: &effects)
    }

    private mutating func tellOfAll(upTo end: Int, into effects: inout Effects) {
        var isBehind = false
        for _ in 0..<feed.watchers.ofAll.count {
            if feed.watchers.position >= feed.watchers.ofAll.count { feed.watchers.position = 0 }
            var watcher = feed.watchers.ofAll[feed.watchers.position]
            let isAlive = sessions.isWaiting(watcher.session, watcher.number)
            if isAlive, watcher.next < feed.events.next, !sessions[watcher.session].isBackedUp {
                guard effects.byteCount < end else {
                    isBehind = true
                    break
                }
                tellGap(&watcher, missed: feed.events.oldest - watcher.next, into: &effects)
                let sharers = max(1, sessions[watcher.session].subscriptions.count)
                let last = min(feed.events.next, watcher.next + max(1, Self.eventsPerTurnMax / sharers))
                while watcher.next < last {
                    tell(watcher, watcher.next, into: &effects)
                    watcher.next += 1
                }
                feed.watchers.ofAll[feed.watchers.position] = watcher
                if watcher.next < feed.events.next { isBehind = true }
            }
            feed.watchers.position += 1
        }
        feed.toldUpTo = isBehind ? 0 : feed.events.next
    }

    private mutating func tellOfTasks(upTo end: Int, into effects: inout Effects) {
        for task in feed.watchers.takeDue() {
            guard effects.byteCount < end else {
                feed.watchers.markDue(task)
                continue
            }
            var watch = feed.watchers.take(task)
            let isWhole = tell(&watch, task, upTo: end, into: &effects)
            feed.watchers.put(watch, task)
            if !isWhole { feed.watchers.markDue(task) }
        }
    }

    /// - Returns: false if the turn is full before all watchers are notified.
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
            guard !sessions[watcher.session].isBackedUp else {
                left.append(watcher)
                continue
            }
            let missed = watch.numbers.count { $0 >= watcher.next && $0 < feed.events.oldest }
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
            effects.endEvent()
            forget(watcher.number, of: watcher.session)
        }
        let isWhole = told == watch.watchers.count
        watch.watchers = left + watch.watchers[told...]
        let oldest = watch.watchers.map(\.next).min() ?? feed.events.next
        watch.numbers.removeAll { $0 < oldest }
        return isWhole
    }

    private mutating func tellGap(_ watcher: inout Watcher, missed: Int, into effects: inout Effects) {
        guard missed > 0 else { return }
        effects.beginEvent("gap", to: watcher.session)
        effects.writer.member("sub", watcher.number)
        effects.writer.member("missed", missed)
        writeCursor(feed.events.oldest - 1, to: &effects.writer)
        effects.endEvent()
        watcher.missed = 0
        watcher.next = max(watcher.next, feed.events.oldest)
    }

    /// Retains the object of a task that is about to be forgotten, if it is watched.
    mutating func keepEnd(_ slot: TaskSlot) {
        guard feed.watchers.lacksEnd(tasks[slot].id) else { return }
        feed.watchers.keepEnd(object(slot), of: tasks[slot].id)
    }

    private mutating func tell(_ watcher: Watcher, _ number: Int, into effects: inout Effects) {
        effects.beginEvent("task", to: watcher.session)
        effects.writer.member("sub", watcher.number)
        if let text = feed.texts[number] {
            effects.writer.raw(text)
        } else {
            let start = effects.byteCount
            write(number, to: &effects.writer)
            effects.writer.withUnsafeBytes(in: start..<effects.byteCount) { feed.keepText($0, of: number) }
        }
        effects.end()
    }

    private func write(_ number: Int, to writer: inout JSONWriter) {
        let event = feed.events[number]
        writeCursor(number, to: &writer)
        writer.member("at", milliseconds: event.at)
        writer.key("taskId")
        tasks.records.write(event.taskID, to: &writer)
        if !event.slot.isNone, tasks[event.slot].id == event.taskID {
            writer.key("name")
            writeName(event.slot, to: &writer)
        }
        writer.member("attempt", event.attempt)
        if let from = event.from { writer.member("from", word: from.name) }
        writer.member("to", word: event.to.name)
        writer.member("nodeId", ifAny: event.node)
        if event.reason != .none { writer.member("reason", word: event.reason.name) }
        writer.endObject()
    }
}
