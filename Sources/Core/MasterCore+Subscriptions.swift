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
    /// The number of the next event to tell.
    var next: Int
}

extension MasterCore {
    /// Events told to one connection in one turn; the rest follows in the next.
    private static let eventsPerTurnMax = 1_024

    mutating func wait(_ request: Request, into effects: inout Effects) throws(WireError) {
        let slot = try task(request)
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
            effects.begin(waiter.session)
            effects.writer.raw("{\"ev\":\"done\",\"sub\":")
            effects.writer.int(waiter.number)
            effects.writer.raw(",\"task\":")
            writeTask(slot, to: &effects.writer)
            effects.writer.byte(UInt8(ascii: "}"))
            effects.end()
            forget(waiter.number, of: waiter.session)
        }
    }

    mutating func watch(_ request: Request, into effects: inout Effects) throws(WireError) {
        var taskID: TaskID?
        if let value = request.root.optional("taskId") { taskID = try watchedTask(value) }
        var next = events.next
        if let cursor = request.root.optional("cursor") { next = try eventNumber(cursor) + 1 }
        let number = try subscribe(request.session, .watch)
        effects.beginReply(request)
        effects.writer.raw("{\"sub\":")
        effects.writer.int(number)
        writeCursor(next - 1, to: &effects.writer)
        effects.writer.byte(UInt8(ascii: "}"))
        effects.endReply()
        watchers.append(Watcher(session: request.session, number: number, taskID: taskID, next: next))
        watchersToldUpTo = 0
    }

    /// A task to watch may be gone: its last transitions may still be kept.
    private func watchedTask(_ value: JSONValue) throws(WireError) -> TaskID {
        if let id = tasks.id(value) { return id }
        throw WireError(.notFound, "taskId: there is no task \(try value.taskID())", field: "taskId")
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
        for index in watchers.indices {
            let watcher = watchers[index]
            guard watcher.next < events.next, sessions[Int(watcher.session.slot)].isBackedUp == false else { continue }
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
            if end < events.next { isBehind = true }
        }
        watchersToldUpTo = isBehind ? 0 : events.next
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
