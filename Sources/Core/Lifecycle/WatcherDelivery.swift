import PodlingProtocol

/// Delivery of events to watchers. One that falls behind is skipped while its peer does not read; it later receives what
/// is retained, after a `gap` with the number of events that are not.
extension MasterCore {
    /// The most events sent to one connection in one turn; the rest follows in the next.
    private static let eventsPerTurnMax = 1_024
    /// The most bytes sent to all watchers in one turn.
    private static let toldBytesPerTurnMax = 512 * 1024

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
            var watcher = feed.current()
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
                feed.replaceCurrent(with: watcher)
                if watcher.next < feed.events.next { isBehind = true }
            }
            feed.advance()
        }
        feed.endRound(isBehind: isBehind)
    }

    private mutating func tellOfTasks(upTo end: Int, into effects: inout Effects) {
        for task in feed.takeDue() {
            guard effects.byteCount < end else {
                feed.markDue(task)
                continue
            }
            var watch = feed.take(task)
            let isWhole = tell(&watch, task, upTo: end, into: &effects)
            feed.put(watch, task)
            if !isWhole { feed.markDue(task) }
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
        feed.keepEnd(object(slot), of: tasks[slot].id)
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
        tasks.table.write(event.taskID, to: &writer)
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
