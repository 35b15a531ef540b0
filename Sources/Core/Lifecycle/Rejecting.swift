import PodlingProtocol

/// Assignments that the worker rejects or does not answer: the task is requeued.
extension MasterCore {
    mutating func reject(
        _ wanted: RejectRequest,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        let slot = try slot(of: wanted.attempt, request, into: &effects)
        guard tasks[slot].status == .scheduled else { throw stale(slot) }
        setError(wanted.error, slot)
        effects.replyEmpty(request)
        hold(tasks[slot].node)
        requeueUnaccepted(slot, .rejected, into: &effects)
    }

    /// Requeues a task whose assignment was not answered in time, and orders the worker to kill that attempt.
    mutating func notAccepted(_ slot: TaskSlot, into effects: inout Effects) {
        if let session = nodes[tasks[slot].node].session {
            effects.beginEvent("kill", to: session)
            effects.writer.key("taskId")
            writeAttempt(slot, to: &effects.writer)
            effects.writer.member("code", word: "not_accepted")
            effects.endEvent()
        }
        hold(tasks[slot].node)
        requeueUnaccepted(slot, .notAccepted, into: &effects)
    }

    /// Holds back new assignments from a node that did not take a task, for `rejectHoldMilliseconds`.
    mutating func hold(_ node: NodeIndex) {
        nodes[node].holdUntil = now.monotonic + Int64(configuration.rejectHoldMilliseconds)
        timers.set(node, by: nodes[node].holdUntil)
    }

    /// Requeues a task whose assignment was not accepted. It is not charged as a lost attempt, but the number of
    /// rejections is bounded.
    mutating func requeueUnaccepted(_ slot: TaskSlot, _ reason: TaskReason, into effects: inout Effects) {
        tasks[slot].rejections += 1
        guard !endAsOrdered(slot) else { return }
        if Int(tasks[slot].rejections) >= Limits.rejectionsMax {
            finish(slot, .failed, .rejected)
        } else {
            requeue(slot, reason, isCharged: false, into: &effects)
        }
    }
}
