import DequeModule
import PodlingProtocol

extension MasterCore {
    /// How often the clock is looked at.
    private static let sweepMilliseconds: Int64 = 250

    /// Monotonic milliseconds at which `tick` has something to do.
    public var nextDeadline: Int64 { nextSweep }

    /// Ends leases, waits and old tasks whose time has come.
    public mutating func tick(now: Tick, into effects: inout Effects) {
        self.now = now
        answerRefusals(into: &effects)
        guard standing.doesTimeCount, now.monotonic >= nextSweep else { return }
        effects.isFree = false
        defer { effects.isFree = true }
        nextSweep = now.monotonic + Self.sweepMilliseconds
        sweepStreams(into: &effects)
        var forgotten: [NodeIndex] = []
        for index in nodes.sorted {
            sweep(index, into: &effects)
            let isOld = now.monotonic - nodes[index].lastSeen > Int64(configuration.nodeAgeMilliseconds)
            let isUnused = nodes[index].references == 0 && nodes[index].session == nil && !nodes[index].hasLease
            if isOld, isUnused { forgotten.append(index) }
        }
        for index in forgotten {
            changes.append(removedNode: nodes[index].id)
            nodes.remove(index)
        }
        if configuration.asksStore { changes.markHeard(now: now.monotonic, &nodes.records) }
        retryUnsaved()
        // Those who wait for an end are told it while the task is there.
        settleEnds(into: &effects)
        let oldest = now.wall - Int64(configuration.finishedAgeMilliseconds)
        while let first = tasks.ended.first {
            let isKept = tasks[first.slot].id == first.id
            if isKept, tasks[first.slot].keptSince >= oldest { break }
            removeOldestFinished(into: &effects)
        }
    }

    private mutating func sweep(_ index: NodeIndex, into effects: inout Effects) {
        if nodes[index].hasLease {
            let end = max(nodes[index].lastSeen + Int64(configuration.leaseMilliseconds), nodes[index].graceUntil)
            if now.monotonic >= end { endLease(index, into: &effects) }
        }
        if nodes[index].holdUntil > 0, nodes[index].holdUntil <= now.monotonic {
            nodes[index].holdUntil = 0
            nodes.noteFreed(index, now: now.monotonic)
        }
        // A copy of the list: ending an attempt takes it from the node's.
        for slot in nodes[index].attempts {
            let record = tasks[slot]
            guard record.deadline > 0, now.monotonic >= record.deadline else { continue }
            if record.status == .scheduled, !record.flags.contains(.accepted) {
                notAccepted(slot, into: &effects)
            } else if record.flags.isDisjoint(with: .orderedToEnd) {
                tasks[slot].flags.insert(record.status == .running ? .timedOut : .prepareTimedOut)
                sendCancel(slot, into: &effects)
            }
        }
    }

    /// The worker did not answer an assignment: it is to forget it, and another gets the next attempt.
    private mutating func notAccepted(_ slot: TaskSlot, into effects: inout Effects) {
        if let session = nodes[tasks[slot].node].session {
            effects.begin(session)
            effects.writer.raw("{\"ev\":\"kill\",")
            writeAttempt(slot, to: &effects.writer)
            effects.writer.raw(",\"code\":\"not_accepted\"}")
            effects.end()
        }
        let node = tasks[slot].node
        nodes[node].holdUntil = now.monotonic + Int64(configuration.rejectHoldMilliseconds)
        refuse(slot, .notAccepted, into: &effects)
    }
}
