import NIOCore
import PodlingCore
import PodlingProtocol
import PodlingStore

/// Shutdown: peers are notified, and it takes no longer than its time-out.
extension MasterLoop {
    /// Notifies all sessions of the shutdown, including those that wait for the store, and fails at the deadline the
    /// requests that still wait for it.
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

    /// Closes all sessions as soon as no turn waits for the store.
    func shutDown() {
        endTurn()
        ticker?.cancel()
        closeAll()
    }

    /// Answers the held requests with an error: it is unknown whether their changes are durable, and the wait is over.
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
