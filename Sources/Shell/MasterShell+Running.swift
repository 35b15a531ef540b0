import PodlingCore

/// Fair scheduling of sessions: a bounded amount of work, then the sockets are polled again.
extension MasterShell {
    /// The most work of one session before others are served.
    package static let sessionWorkMax = 10_000
    /// The most work of all sessions before the sockets are polled again.
    private static let pollWorkMax = 40_000
    /// `execute` runs before the event loop polls its sockets again; a task that is due a little later does not.
    private static let pollMicroseconds: Int64 = 50

    /// Whether lines may be executed now: nothing is being sent, and the work since the last poll is within its budget.
    package var mayExecute: Bool { !isCarryingOut && workDone &- workAtPoll < Self.pollWorkMax }

    /// Queues a session for resumption, behind those already queued.
    package func resumeSoon(_ item: any Resumable) {
        runQueue.append(item)
        guard !isRunScheduled else { return }
        isRunScheduled = true
        host.execute(.run)
    }

    func run() {
        workAtPoll = workDone
        var left = runQueue.count
        while left > 0, mayExecute, let next = runQueue.popFirst() {
            left -= 1
            next.resume()
        }
        endPoll()
        isRunScheduled = !runQueue.isEmpty
        guard isRunScheduled else { return }
        host.schedule(.run, inMicroseconds: Self.pollMicroseconds)
    }

    /// Ends the turn with everything that one poll of the sockets brought.
    func endPoll() {
        endTurn()
        workAtPoll = workDone
    }

    /// Ends another turn, once the sockets have been polled.
    func scheduleTurnAfterPoll() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        host.schedule(.endPoll, inMicroseconds: Self.pollMicroseconds)
    }

    /// Holds back a session until the store has caught up (back-pressure).
    func pause(_ item: any Resumable) {
        host.tell(.heldBack)
        paused.append(item)
    }

    func resumePaused() {
        var left = paused.count
        while left > 0, let next = paused.popFirst() {
            left -= 1
            resumeSoon(next)
        }
    }
}
