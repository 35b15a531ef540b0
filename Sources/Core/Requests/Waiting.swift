import DequeModule
import PodlingProtocol

/// Somebody who is told when a task has ended.
struct Waiter {
    var session: SessionID
    var number: Int
}

/// A task that has ended, and those who are still to be told, with its object as it then was.
struct Ending {
    var object: [UInt8]
    var waiters: [Waiter]
    /// The first of them that was not told yet.
    var next = 0
}

extension MasterCore {
    /// What is told of ends in one turn; the rest follows in the next.
    private static let endBytesPerTurnMax = 512 * 1024

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
        touch(slot)
        waiters[slot, default: []].append(Waiter(session: request.session, number: number))
        tasks[slot].flags.insert(.observed)
        if tasks[slot].status.isTerminal { tellWaiters(slot, into: &effects) }
    }

    /// Tells the one who waits for the end of a task; where there are many, they are told turn by turn.
    mutating func tellWaiters(_ slot: TaskSlot, into effects: inout Effects) {
        guard let waiting = waiters.removeValue(forKey: slot) else { return }
        guard waiting.count == 1, endings.isEmpty, let waiter = waiting.first else {
            return endings.append(Ending(object: object(slot), waiters: waiting))
        }
        guard sessions.isWaiting(waiter.session, waiter.number) else { return }
        effects.beginDone(waiter.number, waiter.session)
        writeTask(slot, to: &effects.writer)
        effects.endDone()
        forget(waiter.number, of: waiter.session)
    }

    /// The task object.
    func object(_ slot: TaskSlot) -> [UInt8] {
        var object = JSONWriter(capacityBytes: 512)
        writeTask(slot, to: &object)
        return object.withUnsafeBytes { Array($0) }
    }

    /// Tells those who waited, once the replies of the turn are written, and then forgets what is too much.
    mutating func settleEnds(into effects: inout Effects) {
        let end = effects.byteCount + Self.endBytesPerTurnMax
        tellEndings(upTo: end, into: &effects)
        while effects.byteCount < end, let (slot, id) = observedEnds.popFirst() {
            guard tasks[slot].id == id else { continue }
            tellWaiters(slot, into: &effects)
            endStreams(slot, into: &effects)
            tellEndings(upTo: end, into: &effects)
        }
        while finished.count > configuration.finishedTasksMax || isOverBytes { removeOldestFinished(into: &effects) }
    }

    private mutating func tellEndings(upTo end: Int, into effects: inout Effects) {
        while effects.byteCount < end, let ending = endings.first {
            let waiter = ending.waiters[ending.next]
            if sessions.isWaiting(waiter.session, waiter.number) {
                effects.beginDone(waiter.number, waiter.session)
                effects.writer.raw(ending.object)
                effects.endDone()
                forget(waiter.number, of: waiter.session)
            }
            if ending.next + 1 < ending.waiters.count { endings[0].next += 1 } else { endings.removeFirst() }
        }
    }
}

extension [Session] {
    /// Whether a subscription is there still: its connection is open, and has not ended it.
    func isWaiting(_ id: SessionID, _ number: Int) -> Bool {
        let slot = id.slot
        return slot < count && self[slot].generation == id.generation && self[slot].subscriptions[number] != nil
    }
}
