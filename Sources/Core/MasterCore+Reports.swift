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
        tasks[slot].flags.insert(.accepted)
        if report.status.rawValue >= status.rawValue { note(report, slot) }
        effects.replyEmpty(request)
        if report.status.isTerminal { tasks[slot].flags.insert(.reported) }
        switch report.status {
        case .pending: break
        case .scheduled: break
        case .running: run(slot)
        case .completed: finish(slot, .completed, .none)
        case .failed: finish(slot, .failed, report.reason ?? .exitCode)
        case .cancelled:
            if tasks[slot].flags.contains(.timedOut) {
                finish(slot, .failed, .timedOut)
            } else {
                finish(slot, .cancelled, .cancelled)
            }
        }
    }

    private mutating func run(_ slot: Int32) {
        guard move(slot, to: .running, .none) else { return }
        let timeout = Int64(tasks[slot].timeoutSeconds) * 1_000
        tasks[slot].deadline = timeout > 0 ? now.monotonic + timeout : 0
    }

    private mutating func note(_ report: WorkerReport, _ slot: Int32) {
        if let exitCode = report.exitCode {
            tasks[slot].exitCode = Int32(truncatingIfNeeded: exitCode)
            tasks[slot].flags.insert(.hasExitCode)
        } else if report.status == .completed {
            tasks[slot].exitCode = 0
            tasks[slot].flags.insert(.hasExitCode)
        }
        if report.status != .scheduled, tasks[slot].startedAt == 0 || report.startedAt != nil {
            let hasRun = report.status == .running || report.status == .completed || report.startedAt != nil
            if hasRun { tasks[slot].startedAt = plausible(report.startedAt, slot) }
        }
        if report.status.isTerminal { tasks[slot].finishedAt = plausible(report.finishedAt, slot) }
        guard report.containerID != nil || report.error != nil || report.detail != nil else { return }
        let extra = tasks[slot].extra ?? TaskExtra()
        tasks[slot].extra = extra
        if let containerID = report.containerID { extra.containerID = containerID.string() }
        if let error = report.error { extra.error = Self.cut(error, Limits.errorBytesMax) }
        if let detail = report.detail { extra.detail = Self.cut(detail, Limits.detailBytesMax) }
        changed(slot)
    }

    /// A worker's clock may be wrong: its times are kept between the task's creation and now.
    private func plausible(_ time: Int64?, _ slot: Int32) -> Int64 {
        max(tasks[slot].createdAt, min(time ?? now.wall, now.wall))
    }

    /// The text of a string, cut between characters to at most this many bytes.
    static func cut(_ value: JSONValue, _ bytesMax: Int) -> String? {
        guard let text = value.string(), text.utf8.count > bytesMax else { return value.string() }
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
        tasks[slot].flags.insert(.accepted)
        effects.replyEmpty(request)
    }

    mutating func reject(_ request: Request, into effects: inout Effects) throws(WireError) {
        let slot = try attempt(request, into: &effects)
        guard tasks[slot].status == .scheduled else { throw stale(slot) }
        if let error = request.root.optional("error") {
            guard error.isString else { throw .field("error", "must be a string") }
            let extra = tasks[slot].extra ?? TaskExtra()
            tasks[slot].extra = extra
            extra.error = Self.cut(error, Limits.errorBytesMax)
        }
        effects.replyEmpty(request)
        let node = tasks[slot].node
        nodes[node].holdUntil = now.monotonic + Int64(configuration.rejectHoldMilliseconds)
        refuse(slot, .rejected, into: &effects)
    }

    /// The task a worker speaks of, if its attempt is this node's and the latest.
    private func attempt(_ request: Request, into effects: inout Effects) throws(WireError) -> Int32 {
        let name = try request.root.required("taskId")
        let number = try request.root.required("attempt").integer("attempt", in: 1...Int(Int32.max))
        return try attempt(name, number, request, into: &effects)
    }

    private func attempt(
        _ name: JSONValue,
        _ number: Int,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) -> Int32 {
        guard let slot = tasks.slot(of: name) else {
            throw WireError(.notFound, "taskId: there is no task \(try name.taskID())", field: "taskId")
        }
        guard Int(tasks[slot].attempt) == number, tasks[slot].status != .pending else { throw stale(slot) }
        guard tasks[slot].node == sessions[Int(request.session.slot)].nodeIndex else {
            throw foreign(slot, request, into: &effects)
        }
        return slot
    }

    /// The attempt is another node's, and never was this one's.
    private func foreign(_ slot: Int32, _ request: Request, into effects: inout Effects) -> WireError {
        guard configuration.isAuthenticated else { return stale(slot) }
        let session = sessions[Int(request.session.slot)]
        let name = "\(tasks.text(of: tasks[slot].id)), attempt \(tasks[slot].attempt)"
        let error = WireError(
            .forbidden,
            "attempt: task \(name), is another node's than \(session.node)",
            field: "attempt"
        )
        effects.deny(Denial(session, "report", error))
        return error
    }

    private func stale(_ slot: Int32) -> WireError {
        WireError(
            .staleAttempt,
            "attempt: task \(tasks.text(of: tasks[slot].id)) is no longer this node's in this attempt; end it",
            field: "attempt"
        )
    }
}
