import NIOCore
import PodlingCore

/// Who goes on when: a bounded amount of work, then the sockets are looked at again.
///
/// Work is counted in the core's units (`MasterCore.work`), each about a tenth of a microsecond.
extension MasterLoop {
    /// What one session may cause before others are served.
    static let sessionWorkMax = 10_000
    /// What all may cause before the sockets are looked at again.
    private static let pollWorkMax = 40_000
    /// `execute` runs before the event loop looks at its sockets again; a task that is due a little later does not.
    private static let pollTime = TimeAmount.microseconds(50)

    /// All that was done so far.
    var workDone: Int { core.work &+ handshakeWork }

    /// Whether lines may be executed now: nothing is being sent, and not too much was done since the last poll.
    var mayExecute: Bool { !isCarryingOut && workDone &- workAtPoll < Self.pollWorkMax }

    /// Goes on with what a session keeps, after those that are there already.
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

    /// Ends the turn with all that one poll of the sockets brought.
    func endPoll() {
        endTurn()
        workAtPoll = workDone
    }

    /// Ends another turn, once the sockets have been looked at.
    func scheduleTurnAfterPoll() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: Self.pollTime) { bound.value.endPoll() }
    }

    /// Remembers one that reads on once the store has caught up.
    func pause(_ item: any Resumable) { paused.append(item) }

    func resumePaused() {
        var left = paused.count
        while left > 0, let next = paused.popFirst() {
            left -= 1
            resumeSoon(next)
        }
    }
}
