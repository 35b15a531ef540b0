import DequeModule
import PodlingProtocol

extension MasterCore {
    /// The most bytes of ends sent in one turn; the rest follows in the next.
    private static let endBytesPerTurnMax = 512 * 1024

    mutating func wait(_ wanted: TaskRequest, _ request: Request, into effects: inout Effects) throws(WireError) {
        guard let slot = tasks.slot(of: wanted.task) else {
            return try askForTask(.wait, wanted.task, request, into: &effects)
        }
        let number = try subscribe(request.session, .wait(slot: slot))
        effects.beginReply(request)
        effects.writer.beginObject("sub", number)
        effects.writer.key("task")
        writeTask(slot, to: &effects.writer)
        effects.writer.endObject()
        effects.endReply()
        touch(slot)
        feed.append(Waiter(session: request.session, number: number), of: slot)
        tasks[slot].flags.insert(.observed)
        if tasks[slot].status.isTerminal { tellWaiters(slot, into: &effects) }
    }

    /// Notifies the waiter of a task's end; if there are several, they are notified over the next turns.
    mutating func tellWaiters(_ slot: TaskSlot, into effects: inout Effects) {
        guard let waiting = feed.takeWaiters(of: slot) else { return }
        guard waiting.count == 1, feed.endings.isEmpty, let waiter = waiting.first else {
            return feed.appendEnding(Ending(object: object(slot), waiters: waiting))
        }
        guard sessions.isWaiting(waiter.session, waiter.number) else { return }
        effects.beginDone(waiter.number, waiter.session)
        writeTask(slot, to: &effects.writer)
        effects.endEvent()
        forget(waiter.number, of: waiter.session)
    }

    /// The task object.
    func object(_ slot: TaskSlot) -> [UInt8] {
        var object = JSONWriter(capacityBytes: 512)
        writeTask(slot, to: &object)
        return object.withUnsafeBytes { Array($0) }
    }

    /// Notifies waiters, once the replies of the turn are written, and then evicts terminal tasks beyond the bounds.
    mutating func settleEnds(into effects: inout Effects) {
        let end = effects.byteCount + Self.endBytesPerTurnMax
        tellEndings(upTo: end, into: &effects)
        while effects.byteCount < end, let (slot, id) = feed.popObservedEnd() {
            guard tasks[slot].id == id else { continue }
            tellWaiters(slot, into: &effects)
            endStreams(slot, into: &effects)
            tellEndings(upTo: end, into: &effects)
        }
        while tasks.ended.count > configuration.finishedTasksMax || isOverBytes { removeOldestFinished(into: &effects) }
    }

    private mutating func tellEndings(upTo end: Int, into effects: inout Effects) {
        while effects.byteCount < end, let ending = feed.endings.first {
            let waiter = ending.waiters[ending.next]
            if sessions.isWaiting(waiter.session, waiter.number) {
                effects.beginDone(waiter.number, waiter.session)
                effects.writer.raw(ending.object)
                effects.endEvent()
                forget(waiter.number, of: waiter.session)
            }
            feed.toldNext()
        }
    }
}
