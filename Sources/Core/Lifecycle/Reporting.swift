import PodlingProtocol

extension MasterCore {
    mutating func status(_ request: Request, into effects: inout Effects) throws(WireError) {
        let report = try WorkerReport(request.root)
        guard let name = report.id, let number = report.attempt else { return }
        let slot = try attempt(name, number, request, into: &effects)
        touchUnsaved(slot)
        let status = tasks[slot].status
        if status.isTerminal {
            // Ended by an earlier report whose answer was lost; what the master gave up itself must be let go.
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

    /// The worker has taken the assignment: from now on the time to get ready counts, from the assignment on.
    mutating func accepted(_ slot: TaskSlot) {
        guard !tasks[slot].flags.contains(.accepted) else { return }
        tasks[slot].flags.insert(.accepted)
        guard tasks[slot].status == .scheduled else { return }
        let acceptBy = tasks[slot].deadline
        let assignedAt = acceptBy > 0 ? acceptBy - Int64(configuration.acceptMilliseconds) : now.monotonic
        tasks[slot].deadline = assignedAt + Int64(configuration.prepareMilliseconds)
        timers.set(tasks[slot].node, by: tasks[slot].deadline)
    }

    /// There is something new of an attempt that gets ready.
    private mutating func waitLonger(_ slot: TaskSlot) {
        let prepare = Int64(configuration.prepareMilliseconds)
        let left = Int64(Limits.prepareFactorMax) * prepare - max(now.wall - tasks[slot].scheduledAt, 0)
        tasks[slot].deadline = max(tasks[slot].deadline, now.monotonic + min(prepare, left))
    }

    private mutating func run(_ slot: TaskSlot) {
        guard tasks[slot].status == .scheduled, move(slot, to: .running, .none) else { return }
        let timeout = Int64(tasks[slot].timeoutSeconds) * 1_000
        tasks[slot].deadline = timeout > 0 ? now.monotonic + timeout : 0
        if timeout > 0 { timers.set(tasks[slot].node, by: tasks[slot].deadline) }
    }

    /// How it ended: by itself, or as it was told to (proto-spec.md, section 6.19).
    private mutating func end(_ slot: TaskSlot, _ report: WorkerReport) {
        tasks[slot].flags.insert(.reported)
        var order = tasks[slot].orderedEnd
        if report.status == .cancelled {
            // A master that has just begun to lead may not have come to the order yet.
            if order == .none, isOverItsTime(slot) { order = .timedOut }
        } else if report.isBeforeSignal {
            order = .none
        }
        switch (report.status, order) {
        case (_, .timedOut), (_, .prepareTimedOut): finish(slot, .failed, order)
        case (.completed, _): finish(slot, .completed, .none)
        case (.failed, .none): finish(slot, .failed, report.reason ?? .exitCode)
        default: finish(slot, .cancelled, .cancelled)
        }
    }

    private func isOverItsTime(_ slot: TaskSlot) -> Bool {
        tasks[slot].status == .running && tasks[slot].deadline > 0 && now.monotonic >= tasks[slot].deadline
    }

    /// Takes from a report what it says beside the status. One that repeats the status it has brings no new times.
    private mutating func note(_ report: WorkerReport, _ slot: TaskSlot) {
        let isNew = report.status != tasks[slot].status
        if report.status.isTerminal {
            if let exitCode = report.exitCode ?? (report.status == .completed ? 0 : nil) {
                tasks[slot].exitCode = exitCode
                tasks[slot].flags.insert(.hasExitCode)
            }
            tasks[slot].finishedAt = plausible(report.finishedAt, slot)
        }
        if isNew, report.status != .scheduled, tasks[slot].startedAt == 0 || report.startedAt != nil {
            let hasRun = report.status == .running || report.status == .completed || report.startedAt != nil
            if hasRun { tasks[slot].startedAt = plausible(report.startedAt, slot) }
        }
        if let containerID = report.containerID?.string(), containerID != tasks[slot].extra?.containerID {
            extra(slot).containerID = containerID
            changed(slot)
        }
        if let error = report.error { setError(Self.cut(error, Limits.errorBytesMax), slot) }
        if let detail = report.detail.flatMap({ Self.cut($0, Limits.detailBytesMax) }),
            detail != tasks[slot].extra?.detail
        {
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

    /// Says of a task, for people, what went wrong.
    mutating func setError(_ text: String?, _ slot: TaskSlot) {
        guard let text, text != tasks[slot].extra?.error else { return }
        extra(slot).error = text
        changed(slot)
    }

    /// A worker's clock may be wrong: its times are kept between the task's creation and now.
    private func plausible(_ time: Int64?, _ slot: TaskSlot) -> Int64 {
        max(tasks[slot].createdAt, min(time ?? now.wall, now.wall))
    }

    /// The text of a string as a store can keep it, cut between characters to at most this many bytes.
    static func cut(_ value: JSONValue, _ bytesMax: Int) -> String? {
        guard let text = value.string()?.withoutNUL, text.utf8.count > bytesMax else {
            return value.string()?.withoutNUL
        }
        var bytes = 0
        return String(
            text.unicodeScalars.prefix { scalar in
                bytes += UTF8.width(scalar)
                return bytes <= bytesMax
            }.map(Character.init)
        )
    }

    mutating func accept(_ request: Request, into effects: inout Effects) throws(WireError) {
        let slot = try attempt(request, into: &effects)
        guard tasks[slot].isAssigned else { throw stale(slot) }
        accepted(slot)
        effects.replyEmpty(request)
    }

    /// The task a worker speaks of, if its attempt is this node's and the latest.
    func attempt(_ request: Request, into effects: inout Effects) throws(WireError) -> TaskSlot {
        let name = try request.root.required("taskId")
        let number = try request.root.required("attempt").integer("attempt", in: 1...Limits.attemptReportedMax)
        return try attempt(name, number, request, into: &effects)
    }

    private func attempt(
        _ name: JSONValue,
        _ number: Int,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) -> TaskSlot {
        guard let slot = tasks.slot(of: name) else {
            throw WireError(.notFound, "taskId: there is no task \(try name.taskID())", field: "taskId")
        }
        guard tasks[slot].attempt == number, tasks[slot].status != .pending else { throw stale(slot) }
        guard tasks[slot].node == sessions[request.session].nodeIndex else {
            throw foreign(slot, request, into: &effects)
        }
        return slot
    }

    /// The attempt is another node's, and never was this one's.
    private func foreign(_ slot: TaskSlot, _ request: Request, into effects: inout Effects) -> WireError {
        guard configuration.isAuthenticated else { return stale(slot) }
        let session = sessions[request.session]
        let name = "\(tasks.records.text(of: tasks[slot].id)), attempt \(tasks[slot].attempt)"
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
            "attempt: task \(tasks.records.text(of: tasks[slot].id)) is no longer this node's in this attempt; end it",
            field: "attempt"
        )
    }
}
