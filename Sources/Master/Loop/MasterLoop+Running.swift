import NIOCore
import PodlingCore

/// Fair scheduling of sessions: a bounded amount of work, then the sockets are polled again.
///
/// Work is counted in the core's units (`MasterCore.work`), each about a tenth of a microsecond.
extension MasterLoop {
    /// The most work of one session before others are served.
    static let sessionWorkMax = 10_000
    /// The most work of all sessions before the sockets are polled again.
    private static let pollWorkMax = 40_000
    /// `execute` runs before the event loop polls its sockets again; a task that is due a little later does not.
    private static let pollTime = TimeAmount.microseconds(50)

    /// The work done so far.
    var workDone: Int { core.work &+ handshakeWork }

    /// Whether lines may be executed now: nothing is being sent, and the work since the last poll is within its budget.
    var mayExecute: Bool { !isCarryingOut && workDone &- workAtPoll < Self.pollWorkMax }

    /// Queues a session for resumption, behind those already queued.
    func resumeSoon(_ item: any Resumable) {
        runQueue.append(item)
        guard !isRunScheduled else { return }
        isRunScheduled = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.run() }
    }

    private func run() {
        workAtPoll = workDone
        var left = runQueue.count
        while left > 0, mayExecute, let next = runQueue.popFirst() {
            left -= 1
            next.resume()
        }
        endPoll()
        isRunScheduled = !runQueue.isEmpty
        guard isRunScheduled else { return }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: Self.pollTime) { bound.value.run() }
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
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: Self.pollTime) { bound.value.endPoll() }
    }

    /// Holds back a session until the store has caught up (back-pressure).
    func pause(_ item: any Resumable) { paused.append(item) }

    func resumePaused() {
        var left = paused.count
        while left > 0, let next = paused.popFirst() {
            left -= 1
            resumeSoon(next)
        }
    }
}
