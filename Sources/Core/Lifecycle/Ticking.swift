import DequeModule
import PodlingProtocol

extension MasterCore {
    /// The interval of the sweep.
    private static let sweepMilliseconds: Int64 = 250

    /// Monotonic milliseconds at which `tick` has work to do.
    package var nextDeadline: Int64 { nextSweep }

    /// Ends leases and waits that are due, and forgets tasks that are too old.
    package mutating func tick(now: Tick, into effects: inout Effects) {
        self.now = now
        answerRefusals(into: &effects)
        guard state.doesTimeCount, now.monotonic >= nextSweep else { return }
        effects.isFree = false
        defer { effects.isFree = true }
        nextSweep = now.monotonic + Self.sweepMilliseconds
        sweepStreams(into: &effects)
        var forgotten: [NodeIndex] = []
        for index in timers.takeDue(now: now.monotonic).sorted(by: { nodes[$0].id < nodes[$1].id }) {
            sweep(index, into: &effects)
            let isOld = now.monotonic - nodes[index].lastSeen > Int64(configuration.nodeAgeMilliseconds)
            if isOld, nodes[index].isUnused { forgotten.append(index) } else { setTimer(index) }
        }
        for index in forgotten {
            changes.append(removedNode: nodes[index].id)
            timers.remove(index)
            nodes.remove(index)
        }
        if configuration.asksStore { changes.markHeard(nodes.sorted, now: now.monotonic, &nodes.records) }
        retryUnsaved()
        // Waiters are notified while the task is still held.
        settleEnds(into: &effects)
        let oldest = now.wall - Int64(configuration.finishedAgeMilliseconds)
        while let first = tasks.ended.first {
            let isKept = tasks[first.slot].id == first.id
            if isKept, tasks[first.slot].keptSince >= oldest { break }
            removeOldestFinished(into: &effects)
        }
    }

    /// Schedules a node's timer for its earliest deadline.
    mutating func setTimer(_ index: NodeIndex) { timers.set(index, by: nextDue(of: index)) }

    /// Monotonic milliseconds of a node's earliest deadline; `Int64.max` if it has none.
    func nextDue(of index: NodeIndex) -> Int64 {
        var due = Int64.max
        if nodes[index].hasLease {
            due = leaseEnd(of: index)
        } else if nodes[index].isUnused {
            due = nodes[index].lastSeen + Int64(configuration.nodeAgeMilliseconds) + 1
        }
        if nodes[index].holdUntil > 0 { due = min(due, nodes[index].holdUntil) }
        for slot in nodes[index].attempts where tasks[slot].hasTimer { due = min(due, tasks[slot].deadline) }
        return due
    }

    private mutating func sweep(_ index: NodeIndex, into effects: inout Effects) {
        if nodes[index].hasLease, now.monotonic >= leaseEnd(of: index) { endLease(index, into: &effects) }
        if nodes[index].holdUntil > 0, nodes[index].holdUntil <= now.monotonic {
            nodes[index].holdUntil = 0
            nodes.noteFreed(index, now: now.monotonic)
        }
        // This iterates over a copy: ending an attempt removes it from the node's list.
        for slot in nodes[index].attempts {
            guard tasks[slot].hasTimer, now.monotonic >= tasks[slot].deadline else { continue }
            if tasks[slot].awaitsAnswer {
                notAccepted(slot, into: &effects)
            } else {
                tasks[slot].order(tasks[slot].status == .running ? .timedOut : .prepareTimedOut)
                changed(slot)
                sendCancel(slot, into: &effects)
            }
        }
    }
}
