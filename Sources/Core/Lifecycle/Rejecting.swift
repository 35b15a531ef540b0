import PodlingProtocol

/// An assignment that its worker does not take, or does not answer: the task goes back into the queue.
extension MasterCore {
    mutating func reject(_ request: Request, into effects: inout Effects) throws(WireError) {
        let slot = try attempt(request, into: &effects)
        guard tasks[slot].status == .scheduled else { throw stale(slot) }
        if let error = request.root.optional("error") {
            guard error.isString else { throw .field("error", "must be a string") }
            setError(Self.cut(error, Limits.errorBytesMax), slot)
        }
        effects.replyEmpty(request)
        hold(tasks[slot].node)
        refuse(slot, .rejected, into: &effects)
    }

    /// The worker did not answer an assignment: it is to forget it, and another gets the next attempt.
    mutating func notAccepted(_ slot: TaskSlot, into effects: inout Effects) {
        if let session = nodes[tasks[slot].node].session {
            effects.begin(session)
            effects.writer.raw("{\"ev\":\"kill\",")
            writeAttempt(slot, to: &effects.writer)
            effects.writer.raw(",\"code\":\"not_accepted\"}")
            effects.end()
        }
        hold(tasks[slot].node)
        refuse(slot, .notAccepted, into: &effects)
    }

    /// A node that did not take a task gets nothing for a while.
    mutating func hold(_ node: NodeIndex) {
        nodes[node].holdUntil = now.monotonic + Int64(configuration.rejectHoldMilliseconds)
        timers.set(node, by: nodes[node].holdUntil)
    }

    /// An assignment came to nothing before it was accepted: not counted as an attempt lost, but not for ever.
    mutating func refuse(_ slot: TaskSlot, _ reason: TaskReason, into effects: inout Effects) {
        tasks[slot].rejections += 1
        guard !endAsOrdered(slot) else { return }
        if Int(tasks[slot].rejections) >= Limits.rejectionsMax {
            finish(slot, .failed, .rejected)
        } else {
            requeue(slot, reason, isCharged: false, into: &effects)
        }
    }
}
