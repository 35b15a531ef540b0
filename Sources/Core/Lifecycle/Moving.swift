import DequeModule
import PodlingProtocol

extension MasterCore {
    /// Moves a task along a legal transition and notifies subscribers. The caller has set its other fields before. An
    /// illegal move changes nothing, and is a bug of the core.
    @discardableResult
    mutating func move(_ slot: TaskSlot, to status: TaskStatus, _ reason: TaskReason) -> Bool {
        let from = tasks[slot].status
        guard tasks.move(slot, to: status, reason) else {
            assertionFailure("\(tasks[slot].id.text) cannot go from \(from.name) to \(status.name)")
            return false
        }
        changed(slot)
        let node = tasks[slot].node
        happened(
            TaskEvent(
                taskID: tasks[slot].id,
                slot: slot,
                attempt: tasks[slot].attempt,
                node: node.isNone ? nil : nodes[node].id,
                at: now.wall,
                from: from,
                to: status,
                reason: reason
            )
        )
        if status.isTerminal { ended(slot) }
        return true
    }

    private mutating func ended(_ slot: TaskSlot) {
        tasks[slot].finishedAt = tasks[slot].finishedAt == 0 ? now.wall : tasks[slot].finishedAt
        tasks[slot].extra?.detail = nil
        pending.release(tasks[slot].shape)
        tasks[slot].shape = .none
        tasks.appendEnded(slot)
        tasks[slot].deadline = 0
        if tasks[slot].flags.contains(.observed) { feed.appendObservedEnd(slot, tasks[slot].id) }
    }

    /// Forgets the task that became terminal first.
    mutating func removeOldestFinished(into effects: inout Effects) {
        guard let slot = tasks.popEnded() else { return }
        letGo(slot, into: &effects)
        let isRefilling = changes.isRefilling
        if tasks[slot].flags.contains(.changed) || changes.settle(tasks[slot].id) || isRefilling {
            changes.append(forgotten: isRefilling ? wholeRow(slot) : row(slot))
        }
        if !tasks[slot].flags.contains(.adopted) { forget(upTo: tasks[slot].keptSince) }
        tasks.remove(slot)
    }

    /// Removes a terminal task from all indexes, after its waiters were notified.
    mutating func letGo(_ slot: TaskSlot, into effects: inout Effects) {
        abandonStreams(slot, into: &effects)
        if tasks[slot].flags.contains(.observed) {
            tellWaiters(slot, into: &effects)
            keepEnd(slot)
        }
        if !tasks[slot].node.isNone { dropReference(tasks[slot].node) }
    }

    /// Drops a task's reference to a node.
    mutating func dropReference(_ node: NodeIndex) {
        nodes[node].references -= 1
        if nodes[node].isUnused { setTimer(node) }
    }

    /// Advances the time of `StoreBatch.forgottenUpTo`, but not past the end of the task that is forgotten next.
    private mutating func forget(upTo time: Int64) {
        let next = tasks.ended.first.map { tasks[$0.slot].keptSince - 1 } ?? time
        changes.forget(upTo: min(time, next))
    }

    /// Detaches a task from its node, whose capacity is free again.
    mutating func release(_ slot: TaskSlot) {
        guard nodes.remove(slot, pending.key(of: slot, tasks.records), &tasks.records) else { return }
        nodes.noteFreed(tasks[slot].node, now: now.monotonic)
    }

    /// Ends an attempt that a node has, and with it the task.
    mutating func finish(_ slot: TaskSlot, _ status: TaskStatus, _ reason: TaskReason) {
        guard TaskTransitions.isLegal(from: tasks[slot].status, to: status) else {
            return assertionFailure("from \(tasks[slot].status.name) to \(status.name)")
        }
        release(slot)
        move(slot, to: status, reason)
    }

    /// Requeues a task whose attempt is lost.
    mutating func requeue(_ slot: TaskSlot, _ reason: TaskReason, isCharged: Bool, into effects: inout Effects) {
        guard tasks[slot].attempt < Limits.attemptMax else { return finish(slot, .failed, .lostTooOften) }
        guard TaskTransitions.isLegal(from: tasks[slot].status, to: .pending) else {
            return assertionFailure("from \(tasks[slot].status.name) to pending")
        }
        release(slot)
        if !isCharged { tasks[slot].unchargedAttempts += 1 }
        tasks[slot].flags.subtract([.accepted, .hasExitCode])
        tasks[slot].scheduledAt = 0
        tasks[slot].startedAt = 0
        tasks[slot].extra?.containerID = nil
        tasks[slot].extra?.detail = nil
        tasks[slot].deadline = 0
        if move(slot, to: .pending, reason) { pending.insert(slot, isRequeued: true, &tasks.records) }
        if tasks[slot].flags.contains(.observed) { endStreams(slot, into: &effects) }
    }

    /// Handles an attempt that its node or worker has lost: fails or requeues the task.
    mutating func lose(_ slot: TaskSlot, into effects: inout Effects) {
        guard !endAsOrdered(slot) else { return }
        if tasks[slot].onNodeLost == .fail {
            finish(slot, .failed, .nodeLost)
        } else if !tasks[slot].flags.contains(.accepted) {
            requeueUnaccepted(slot, .nodeLost, into: &effects)
        } else if tasks[slot].chargedAttempts >= Int(tasks[slot].maxAttempts) {
            finish(slot, .failed, .lostTooOften)
        } else {
            requeue(slot, .nodeLost, isCharged: true, into: &effects)
        }
    }

    /// Ends an attempt as ordered, if it was ordered to end: no worker will confirm it.
    mutating func endAsOrdered(_ slot: TaskSlot) -> Bool {
        switch tasks[slot].orderedEnd {
        case .none: return false
        case .cancelled: finish(slot, .cancelled, .cancelled)
        case let reason: finish(slot, .failed, reason)
        }
        return true
    }
}
