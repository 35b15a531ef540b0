import PodlingProtocol

/// The members of `status` (proto-spec.md, section 6.19).
private struct Report {
    var status = TaskStatus.pending
    var reason: TaskReason?
    var exitCode: Int?
    var startedAt: Int64?
    var finishedAt: Int64?
    var containerID: JSONValue?
    var error: JSONValue?
    var detail: JSONValue?

    init(_ object: JSONValue) throws(WireError) {
        guard let name = TaskStatus(try object.required("status")), name != .pending else {
            throw .field("status", "must be scheduled, running, completed, failed or cancelled")
        }
        status = name
        if let value = object.optional("exitCode") {
            exitCode = try value.integer("exitCode", in: -2_147_483_648...2_147_483_647)
        }
        if let value = object.optional("reason") {
            guard let reason = TaskReason(value), reason.isWorkerFailure || reason == .cancelled else {
                throw .field(
                    "reason",
                    "must be exit_code, oom_killed, timed_out, image_pull, start_failed or runtime_error"
                )
            }
            self.reason = reason
        }
        if status == .completed, let exitCode, exitCode != 0 {
            throw .field("exitCode", "must be 0 for completed; report failed")
        }
        startedAt = try object.optional("startedAt").map(Self.time("startedAt"))
        finishedAt = try object.optional("finishedAt").map(Self.time("finishedAt"))
        if let value = object.optional("containerId") {
            guard value.isString, value.withUTF8(NameRules.isContainerID) else {
                throw .field("containerId", "must be 1 to 255 of A-Z a-z 0-9 - _ . :")
            }
            containerID = value
        }
        error = try object.optional("error").map(Self.text("error"))
        detail = try object.optional("detail").map(Self.text("detail"))
    }

    private static func time(_ name: StaticString) -> (JSONValue) throws(WireError) -> Int64 {
        { (value) throws(WireError) in
            guard value.isString, let time = value.withUTF8(Timestamp.parse), time > 0 else {
                throw .field(name.description, "must be a time such as 2026-11-23T22:31:07.123Z")
            }
            return time
        }
    }

    private static func text(_ name: StaticString) -> (JSONValue) throws(WireError) -> JSONValue {
        { (value) throws(WireError) in
            guard value.isString else { throw .field(name.description, "must be a string") }
            return value
        }
    }
}

extension MasterCore {
    mutating func status(_ request: Request, into effects: inout Effects) throws(WireError) {
        let slot = try attempt(request)
        let report = try Report(request.root)
        let status = tasks[slot].status
        if status.isTerminal {
            // A repeated report of the same end; one of another end comes from a worker that must let go.
            guard report.status == status || !report.status.isTerminal || hasEndedOtherwise(slot, report.status) else {
                throw Self.stale(tasks[slot].id)
            }
            effects.replyEmpty(request)
            return
        }
        tasks[slot].flags.insert(.accepted)
        if report.status.rawValue >= status.rawValue { note(report, slot) }
        effects.replyEmpty(request)
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

    /// A worker reports `cancelled` where the master has kept the end as `failed` for its time.
    private func hasEndedOtherwise(_ slot: Int32, _ status: TaskStatus) -> Bool {
        status == .cancelled && tasks[slot].status == .failed && tasks[slot].flags.contains(.timedOut)
    }

    private mutating func note(_ report: Report, _ slot: Int32) {
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
        let slot = try attempt(request)
        guard tasks[slot].isAssigned else { throw Self.stale(tasks[slot].id) }
        tasks[slot].flags.insert(.accepted)
        effects.replyEmpty(request)
    }

    mutating func reject(_ request: Request, into effects: inout Effects) throws(WireError) {
        let slot = try attempt(request)
        guard tasks[slot].status == .scheduled else { throw Self.stale(tasks[slot].id) }
        if let error = request.root.optional("error") {
            guard error.isString else { throw .field("error", "must be a string") }
            let extra = tasks[slot].extra ?? TaskExtra()
            tasks[slot].extra = extra
            extra.error = Self.cut(error, Limits.errorBytesMax)
        }
        effects.replyEmpty(request)
        let node = tasks[slot].node
        nodes[node].holdUntil = now.monotonic + Int64(configuration.rejectHoldMilliseconds)
        tasks[slot].rejections += 1
        if tasks[slot].flags.contains(.cancelRequested) {
            finish(slot, .cancelled, .cancelled)
        } else if Int(tasks[slot].rejections) >= Limits.rejectionsMax {
            finish(slot, .failed, .rejected)
        } else {
            requeue(slot, .rejected, isCharged: false, into: &effects)
        }
    }

    /// The task a worker speaks of, if its attempt is this node's and the latest.
    private func attempt(_ request: Request) throws(WireError) -> Int32 {
        let id = try request.root.required("taskId").taskID()
        let number = try request.root.required("attempt").integer("attempt", in: 1...Int(Int32.max))
        guard let slot = tasks.slot(of: id) else { throw WireError(.notFound, "taskId: there is no task \(id)") }
        guard Int(tasks[slot].attempt) == number, tasks[slot].status != .pending,
            tasks[slot].node == sessions[Int(request.session.slot)]?.nodeIndex
        else { throw Self.stale(id) }
        return slot
    }

    private static func stale(_ id: String) -> WireError {
        WireError(
            .staleAttempt,
            "attempt: task \(id) is no longer this node's in this attempt; end it",
            field: "attempt"
        )
    }
}
