import PodlingCore
import PodlingProtocol
import PodlingStore

/// Shutdown: peers are notified, and it takes no longer than its time-out.
extension MasterShell {
    /// After this time it looks again whether all may be closed.
    private static let closingMicroseconds: Int64 = 20_000

    /// Notifies all sessions of the shutdown, including those that wait for the store, and fails after this time the
    /// requests that still wait for it.
    package func announceEnd(waitingMicroseconds: Int64) {
        endTurn()
        isGoingDown = true
        core.shutDown(deadlineMilliseconds: limits.shutdownSeconds * 1_000, into: &turn.effects)
        let announcement = turn
        turn = Turn()
        turn.number = announcement.number + 1
        carryOut(announcement)
        host.schedule(.failWaiting, inMicroseconds: waitingMicroseconds)
    }

    func failWaiting() {
        guard !held.isEmpty else { return }
        fail(StoreError("it did not take the last changes before this master's end"))
    }

    /// Closes all sessions as soon as no turn waits for the store.
    package func shutDown() {
        endTurn()
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
                guard let sink = sessions.sink(of: session) else { return }
                sink.deliver(lines)
                sink.flush()
            }
        }
    }

    func closeAll() {
        guard held.isEmpty else { return host.schedule(.closeAll, inMicroseconds: Self.closingMicroseconds) }
        for sink in sessions.sinks { sink.close() }
    }
}
