import PodlingProtocol

extension MasterCore {
    mutating func cancel(
        _ wanted: CancelRequest,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        guard let slot = tasks.slot(of: wanted.task) else {
            return try askForTask(.cancel, wanted.task, request, into: &effects)
        }
        if !tasks[slot].status.isTerminal { setError(wanted.error, slot) }
        touchUnsaved(slot)
        let isNew = tasks[slot].isAssigned && !tasks[slot].flags.contains(.cancelRequested)
        if isNew {
            tasks[slot].flags.insert(.cancelRequested)
            changed(slot)
        }
        if tasks[slot].status == .pending {
            pending.remove(slot, &tasks.records)
            move(slot, to: .cancelled, .cancelled)
        } else if isNew, !nodes[tasks[slot].node].hasLease {
            // It is held for a node whose lease has expired: no worker can confirm the end.
            finish(slot, .cancelled, .cancelled)
        }
        replyTask(slot, request, into: &effects)
        if isNew, tasks[slot].isAssigned { sendCancel(slot, into: &effects) }
    }

    func replyTask(_ slot: TaskSlot, _ request: Request, into effects: inout Effects) {
        effects.beginReply(request)
        writeTask(slot, to: &effects.writer)
        effects.endReply()
    }

    /// Sends a worker the order to end an attempt. The order is repeated at each heartbeat until the attempt has ended.
    func sendCancel(_ slot: TaskSlot, into effects: inout Effects) {
        let node = tasks[slot].node
        guard !node.isNone, let session = nodes[node].session else { return }
        effects.beginEvent("cancel", to: session)
        effects.writer.key("taskId")
        writeAttempt(slot, to: &effects.writer)
        effects.writer.member("graceSeconds", Int(tasks[slot].stopGraceSeconds))
        effects.writer.member("code", word: tasks[slot].orderedEnd.name)
        effects.endEvent()
    }

    func sendCancels(_ node: NodeIndex, into effects: inout Effects) {
        for slot in nodes[node].attempts where tasks[slot].orderedEnd != .none {
            let start = effects.byteCount
            sendCancel(slot, into: &effects)
            if configuration.asksStore { effects.mark(tasks[slot].id, .reminder, from: start) }
        }
    }
}
