import PodlingProtocol

extension MasterCore {
    mutating func status(
        _ report: WorkerReport,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        let slot = try slot(of: report.attempt, request, into: &effects)
        touchUnsaved(slot)
        let status = tasks[slot].status
        if status.isTerminal {
            // An earlier report whose reply was lost may have ended it; an attempt that the master gave up is stale.
            guard tasks[slot].flags.contains(.reported) else { throw stale(slot) }
            effects.replyEmpty(request)
            return
        }
        accepted(slot)
        if report.status.rawValue >= status.rawValue { note(report, slot) }
        effects.replyEmpty(request)
        switch report.status {
        case .pending, .scheduled: break
        case .running: run(slot)
        case .completed, .failed, .cancelled: end(slot, report)
        }
    }

    /// Records that the worker took the assignment: the deadline for preparation now applies, counted from the
    /// assignment.
    mutating func accepted(_ slot: TaskSlot) {
        guard !tasks[slot].flags.contains(.accepted) else { return }
        tasks[slot].flags.insert(.accepted)
        guard tasks[slot].status == .scheduled else { return }
        let acceptBy = tasks[slot].deadline
        let assignedAt = acceptBy > 0 ? acceptBy - Int64(configuration.acceptMilliseconds) : now.monotonic
        tasks[slot].deadline = assignedAt + Int64(configuration.prepareMilliseconds)
        timers.set(tasks[slot].node, by: tasks[slot].deadline)
    }

    /// Extends the preparation deadline, as the worker has reported progress.
    private mutating func waitLonger(_ slot: TaskSlot) {
        let prepare = Int64(configuration.prepareMilliseconds)
        let left = Int64(Limits.prepareFactorMax) * prepare - max(now.wall - tasks[slot].scheduledAt, 0)
        tasks[slot].deadline = max(tasks[slot].deadline, now.monotonic + min(prepare, left))
    }

    private mutating func run(_ slot: TaskSlot) {
        // An order to end that crossed the report stands.
        let order = tasks[slot].reason == .prepareTimedOut ? TaskReason.prepareTimedOut : .none
        guard tasks[slot].status == .scheduled, move(slot, to: .running, order) else { return }
        let timeout = Int64(tasks[slot].timeoutSeconds) * 1_000
        tasks[slot].deadline = timeout > 0 ? now.monotonic + timeout : 0
        if timeout > 0 { timers.set(tasks[slot].node, by: tasks[slot].deadline) }
    }

    /// Ends the attempt: by itself, or as ordered (proto-spec.md, section 6.19).
    private mutating func end(_ slot: TaskSlot, _ report: WorkerReport) {
        tasks[slot].flags.insert(.reported)
        var order = tasks[slot].orderedEnd
        if report.status == .cancelled {
            // A new leader may not have issued the order yet.
            if order == .none, isOverItsTime(slot) { order = .timedOut }
        } else if report.details.isBeforeSignal {
            order = .none
        }
        switch (report.status, order) {
        case (_, .timedOut), (_, .prepareTimedOut): finish(slot, .failed, order)
        case (.completed, _): finish(slot, .completed, .none)
        case (.failed, .none): finish(slot, .failed, report.details.reason ?? .exitCode)
        default: finish(slot, .cancelled, .cancelled)
        }
    }

    private func isOverItsTime(_ slot: TaskSlot) -> Bool {
        tasks[slot].status == .running && tasks[slot].deadline > 0 && now.monotonic >= tasks[slot].deadline
    }

    /// Takes what a report says in addition to the status. A report that repeats the status brings no new times.
    private mutating func note(_ report: WorkerReport, _ slot: TaskSlot) {
        let isNew = report.status != tasks[slot].status
        if report.status.isTerminal {
            if let exitCode = report.exitCode ?? (report.status == .completed ? 0 : nil) {
                tasks[slot].exitCode = exitCode
            }
            tasks[slot].finishedAt = plausible(report.details.finishedAt, slot)
        }
        if isNew, report.status != .scheduled, tasks[slot].startedAt == 0 || report.details.startedAt != nil {
            let hasRun = report.status == .running || report.status == .completed || report.details.startedAt != nil
            if hasRun { tasks[slot].startedAt = plausible(report.details.startedAt, slot) }
        }
        if let containerID = report.details.containerID, containerID != tasks[slot].extra?.containerID {
            extra(slot).containerID = containerID
            changed(slot)
        }
        setError(report.details.error, slot)
        if let detail = report.details.detail, detail != tasks[slot].extra?.detail {
            extra(slot).detail = detail
            changed(slot)
            if report.status == .scheduled { waitLonger(slot) }
        }
    }

    private mutating func extra(_ slot: TaskSlot) -> TaskExtra {
        let extra = tasks[slot].extra ?? TaskExtra()
        tasks[slot].extra = extra
        return extra
    }

    /// Sets the task's human-readable error.
    mutating func setError(_ text: String?, _ slot: TaskSlot) {
        guard let text, text != tasks[slot].extra?.error else { return }
        extra(slot).error = text
        changed(slot)
    }

    /// Clamps a worker's time between the task's creation and now, as its clock may be wrong.
    private func plausible(_ time: Int64?, _ slot: TaskSlot) -> Int64 {
        max(tasks[slot].createdAt, min(time ?? now.wall, now.wall))
    }

    mutating func accept(
        _ attempt: ReportedAttempt,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        let slot = try slot(of: attempt, request, into: &effects)
        guard tasks[slot].isAssigned else { throw stale(slot) }
        accepted(slot)
        effects.replyEmpty(request)
    }

    /// The task that a worker's request names, if its attempt is this node's and the latest.
    func slot(
        of attempt: ReportedAttempt,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) -> TaskSlot {
        guard let slot = tasks.slot(of: attempt.task) else { throw Self.noTask(attempt.task.text) }
        guard tasks[slot].attempt == attempt.number, tasks[slot].status != .pending else { throw stale(slot) }
        guard tasks[slot].node == sessions[request.session].nodeIndex else {
            throw foreign(slot, request, into: &effects)
        }
        return slot
    }

    /// The error for an attempt of another node, which this node never had.
    private func foreign(_ slot: TaskSlot, _ request: Request, into effects: inout Effects) -> WireError {
        guard configuration.isAuthenticated else { return stale(slot) }
        let session = sessions[request.session]
        let name = "\(tasks.table.text(of: tasks[slot].id)), attempt \(tasks[slot].attempt)"
        let error = WireError(
            .forbidden,
            "attempt: task \(name), is another node's than \(session.node)",
            field: "attempt"
        )
        effects.deny(Denial(session, "report", error))
        return error
    }

    func stale(_ slot: TaskSlot) -> WireError {
        WireError(
            .staleAttempt,
            "attempt: task \(tasks.table.text(of: tasks[slot].id)) is no longer this node's in this attempt; end it",
            field: "attempt"
        )
    }
}
