import PodlingProtocol

/// Somebody who is told when a task has ended.
struct Waiter {
    var session: SessionID
    var number: Int
}

/// Somebody who is told every transition.
struct Watcher {
    var session: SessionID
    var number: Int
    /// Only this task.
    var taskID: TaskID?
    /// That task's object, once it has ended and the master holds it no more.
    var end: [UInt8]?
    /// The number of the next event to tell.
    var next: Int
}

extension MasterCore {
    /// Events told to one connection in one turn; the rest follows in the next.
    private static let eventsPerTurnMax = 1_024

    mutating func wait(_ request: Request, into effects: inout Effects) throws(WireError) {
        let value = try request.root.required("taskId")
        guard let slot = tasks.slot(of: value) else { return try askForTask(.wait, value, request, into: &effects) }
        let number = try subscribe(request.session, .wait(slot: slot))
        effects.beginReply(request)
        effects.writer.raw("{\"sub\":")
        effects.writer.int(number)
        effects.writer.raw(",\"task\":")
        writeTask(slot, to: &effects.writer)
        effects.writer.byte(UInt8(ascii: "}"))
        effects.endReply()
        waiters[slot, default: []].append(Waiter(session: request.session, number: number))
        tasks[slot].flags.insert(.observed)
        if tasks[slot].status.isTerminal { tellWaiters(slot, into: &effects) }
    }

    mutating func tellWaiters(_ slot: Int32, into effects: inout Effects) {
        guard let waiting = waiters.removeValue(forKey: slot) else { return }
        for waiter in waiting {
            effects.beginDone(waiter.number, waiter.session)
            writeTask(slot, to: &effects.writer)
            effects.endDone()
            forget(waiter.number, of: waiter.session)
        }
    }

    mutating func watch(_ request: Request, into effects: inout Effects) throws(WireError) {
        let cursor = request.root.optional("cursor")
        let next = try cursor.map { (value) throws(WireError) in try eventNumber(value) + 1 } ?? events.next
        guard let value = request.root.optional("taskId") else {
            return try watch(nil, end: nil, from: next, request, into: &effects)
        }
        if let slot = tasks.slot(of: value) {
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
        let number = try subscribe(request.session, .watch)
        effects.beginReply(request)
        effects.writer.raw("{\"sub\":")
        effects.writer.int(number)
        writeCursor(next - 1, to: &effects.writer)
        effects.writer.byte(UInt8(ascii: "}"))
        effects.endReply()
        watchers.append(Watcher(session: request.session, number: number, taskID: taskID, end: end, next: next))
        watchersToldUpTo = 0
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

    /// Sends each watcher that keeps up what it has not seen.
    mutating func tellWatchers(into effects: inout Effects) {
        var isBehind = false
        var areDone: [Watcher] = []
        for index in watchers.indices {
            let watcher = watchers[index]
            guard watcher.next < events.next || watcher.taskID != nil,
                sessions[Int(watcher.session.slot)].isBackedUp == false
            else { continue }
            if watcher.next < events.oldest {
                effects.begin(watcher.session)
                effects.writer.raw("{\"ev\":\"gap\",\"sub\":")
                effects.writer.int(watcher.number)
                effects.writer.raw(",\"missed\":")
                effects.writer.int(events.oldest - watcher.next)
                writeCursor(events.oldest - 1, to: &effects.writer)
                effects.writer.byte(UInt8(ascii: "}"))
                effects.end()
                watchers[index].next = events.oldest
            }
            let sharers = max(1, sessions[Int(watcher.session.slot)].subscriptions.count)
            let end = min(events.next, watchers[index].next + max(1, Self.eventsPerTurnMax / sharers))
            for number in watchers[index].next..<end {
                if watcher.taskID == nil || events[number].taskID == watcher.taskID {
                    tell(watcher, number, into: &effects)
                }
            }
            watchers[index].next = end
            if end < events.next { isBehind = true } else if hasEnded(watcher) { areDone.append(watcher) }
        }
        for watcher in areDone { tellDone(watcher, into: &effects) }
        watchersToldUpTo = isBehind ? 0 : events.next
    }

    /// Whether all that will ever happen to the one task that is watched has happened.
    private func hasEnded(_ watcher: Watcher) -> Bool {
        guard let id = watcher.taskID else { return false }
        return watcher.end != nil || tasks.slot(of: id).map { tasks[$0].status.isTerminal } == true
    }

    private mutating func tellDone(_ watcher: Watcher, into effects: inout Effects) {
        effects.beginDone(watcher.number, watcher.session)
        if let end = watcher.end {
            effects.writer.raw(end)
        } else if let slot = watcher.taskID.flatMap({ tasks.slot(of: $0) }) {
            writeTask(slot, to: &effects.writer)
        }
        effects.endDone()
        end(.watch, number: watcher.number, of: watcher.session, into: &effects)
        forget(watcher.number, of: watcher.session)
    }

    /// A task that somebody may watch is about to be forgotten.
    mutating func keepEnd(_ slot: Int32) {
        for index in watchers.indices where watchers[index].taskID == tasks[slot].id && watchers[index].end == nil {
            var object = JSONWriter(capacityBytes: 512)
            writeTask(slot, to: &object)
            watchers[index].end = object.withUnsafeBytes { Array($0) }
        }
    }

    /// Whether a watcher that keeps up has more to be told: the shell then calls `endTurn` again.
    public var hasMoreToTell: Bool { !watchers.isEmpty && watchersToldUpTo != events.next }

    private func tell(_ watcher: Watcher, _ number: Int, into effects: inout Effects) {
        let event = events[number]
        effects.begin(watcher.session)
        effects.writer.raw("{\"ev\":\"task\",\"sub\":")
        effects.writer.int(watcher.number)
        writeCursor(number, to: &effects.writer)
        effects.writer.raw(",\"at\":")
        effects.writer.timestamp(milliseconds: event.at)
        effects.writer.raw(",\"taskId\":")
        tasks.write(event.taskID, to: &effects.writer)
        if event.slot >= 0, tasks[event.slot].id == event.taskID {
            effects.writer.raw(",\"name\":")
            writeName(event.slot, to: &effects.writer)
        }
        effects.writer.raw(",\"attempt\":")
        effects.writer.int(Int(event.attempt))
        if let from = event.from {
            effects.writer.raw(",\"from\":\"")
            effects.writer.raw(from.name)
            effects.writer.byte(UInt8(ascii: "\""))
        }
        effects.writer.raw(",\"to\":\"")
        effects.writer.raw(event.to.name)
        effects.writer.byte(UInt8(ascii: "\""))
        if let node = event.node {
            effects.writer.raw(",\"nodeId\":")
            effects.writer.string(node)
        }
        if event.reason != .none {
            effects.writer.raw(",\"reason\":\"")
            effects.writer.raw(event.reason.name)
            effects.writer.byte(UInt8(ascii: "\""))
        }
        effects.writer.byte(UInt8(ascii: "}"))
        effects.end()
    }

    mutating func unsubscribe(_ request: Request, into effects: inout Effects) throws(WireError) {
        let number = try request.root.required("sub").integer("sub", in: Int.min...Int.max)
        effects.replyEmpty(request)
        guard let subscription = sessions[Int(request.session.slot)].subscriptions[number] else { return }
        end(subscription, number: number, of: request.session, into: &effects)
        forget(number, of: request.session)
    }

    mutating func subscribe(_ id: SessionID, _ subscription: Subscription) throws(WireError) -> Int {
        let slot = Int(id.slot)
        let count = sessions[slot].subscriptions.count
        guard count < Limits.subscriptionsPerConnectionMax else {
            let message = "\(Limits.subscriptionsPerConnectionMax) subscriptions are the most a connection may have"
            throw WireError(.overloaded, message, retryAfterMilliseconds: 1_000)
        }
        guard subscriptionCount < configuration.subscriptionsMax else {
            let message =
                "\(configuration.subscriptionsMax) subscriptions are the most this master takes of all connections"
            throw WireError(.overloaded, message, retryAfterMilliseconds: 1_000)
        }
        let number = sessions[slot].nextSubscription
        sessions[slot].nextSubscription = number + 1
        sessions[slot].subscriptions[number] = subscription
        subscriptionCount += 1
        return number
    }

    /// How much a session waits for.
    public func subscriptionCount(of id: SessionID) -> Int {
        isOpen(id) ? sessions[Int(id.slot)].subscriptions.count : 0
    }

    mutating func forget(_ number: Int, of id: SessionID) {
        guard isOpen(id), sessions[Int(id.slot)].subscriptions.removeValue(forKey: number) != nil else { return }
        subscriptionCount -= 1
    }

    /// Ends all that a session waits for, with one walk over each list that it stands in.
    mutating func endAll(_ subscriptions: [Int: Subscription], of id: SessionID, into effects: inout Effects) {
        var slots: Set<Int32> = []
        var isWatching = false
        for (_, subscription) in subscriptions.sorted(by: { $0.key < $1.key }) {
            switch subscription {
            case .wait(let slot): slots.insert(slot)
            case .watch: isWatching = true
            case .logs(let stream): stopStream(stream, into: &effects)
            }
        }
        if isWatching { watchers.removeAll { $0.session == id } }
        for slot in slots {
            waiters[slot]?.removeAll { $0.session == id }
            if waiters[slot]?.isEmpty == true { waiters[slot] = nil }
        }
        subscriptionCount -= subscriptions.count
    }

    /// Ends a subscription whose reader wants no more of it.
    mutating func end(_ subscription: Subscription, number: Int, of id: SessionID, into effects: inout Effects) {
        switch subscription {
        case .wait(let slot):
            waiters[slot]?.removeAll { $0.session == id && $0.number == number }
            if waiters[slot]?.isEmpty == true { waiters[slot] = nil }
        case .watch:
            watchers.removeAll { $0.session == id && $0.number == number }
        case .logs(let stream):
            stopStream(stream, into: &effects)
        }
    }
}
