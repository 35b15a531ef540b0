import NIOCore
import PodlingCore
import PodlingProtocol
import PodlingStore

/// Going down: who waits is told, and no longer than it may take.
extension MasterLoop {
    /// Tells all sessions that the master goes down, those too that wait for the store, and refuses at the deadline what
    /// still waits for it.
    func announceEnd(by deadline: NIODeadline) {
        endTurn()
        isGoingDown = true
        core.shutDown(deadlineMilliseconds: configuration.shutdownSeconds * 1_000, into: &turn.effects)
        let announcement = turn
        turn = Turn()
        turn.number = announcement.number + 1
        carryOut(announcement)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(deadline: deadline) {
            guard !bound.value.held.isEmpty else { return }
            bound.value.fail(StoreError("it did not take the last changes before this master's end"))
        }
    }

    /// Closes all sessions as soon as nothing waits for the store.
    func shutDown() {
        endTurn()
        ticker?.cancel()
        closeAll()
    }

    /// What waits is not known to be durable, and nobody will wait for it longer.
    func refuseHeld() {
        let error = WireError(
            .unavailable,
            "the master goes down, and its store is away: a change that was asked for may have been made or not",
            retryAfterMilliseconds: 1_000
        )
        for turn in held.takeAll() {
            turn.effects.refuse(error) { session, lines in
                guard isCurrent(session) else { return }
                sinks[session.slot]?.deliver(lines)
                sinks[session.slot]?.flush()
            }
        }
    }

    func closeAll() {
        guard held.isEmpty else {
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            eventLoop.scheduleTask(in: .milliseconds(20)) { bound.value.closeAll() }
            return
        }
        for sink in sinks { sink?.close() }
    }
}
