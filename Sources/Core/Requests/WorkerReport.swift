import PodlingProtocol

/// The members of `status` (proto-spec.md, section 6.19), read in one pass.
struct WorkerReport {
    let attempt: ReportedAttempt
    private(set) var status = TaskStatus.pending
    private(set) var exitCode: Int?
    private(set) var details = ReportDetails()

    init(_ object: JSONValue) throws(WireError) {
        var task: TaskName?
        var number: Int?
        for member in object.members where !member.value.isNull {
            if member.keyEquals("taskId") {
                task = try TaskName(member.value)
            } else if member.keyEquals("attempt") {
                number = try ReportedAttempt.number(member.value)
            } else if member.keyEquals("status") {
                status = try Self.status(member.value)
            } else if member.keyEquals("exitCode") {
                exitCode = try member.value.integer("exitCode", in: Limits.exitCodes)
            } else if !member.keyEquals("op"), !member.keyEquals("id") {
                try details.take(member)
            }
        }
        guard let task else { throw .field("taskId", "is required") }
        guard let number else { throw .field("attempt", "is required") }
        attempt = ReportedAttempt(task, number)
        guard status != .pending else { throw .field("status", "is required") }
        if status == .completed, let exitCode, exitCode != 0 {
            throw .field("exitCode", "must be 0 for completed; report failed")
        }
        if status == .failed, details.reason == .cancelled {
            throw .field("reason", "must be a failure's; report cancelled")
        }
    }

    private static func status(_ value: JSONValue) throws(WireError) -> TaskStatus {
        if value.stringEquals("running") { return .running }
        if value.stringEquals("completed") { return .completed }
        guard let status = TaskStatus(value), status != .pending else {
            throw .field("status", "must be scheduled, running, completed, failed or cancelled")
        }
        return status
    }
}

/// The members of `status` that few reports have.
struct ReportDetails {
    private(set) var reason: TaskReason?
    private(set) var startedAt: Int64?
    private(set) var finishedAt: Int64?
    /// The process had ended before the worker sent it a signal.
    private(set) var isBeforeSignal = false
    // These become texts only where they are kept.
    private var containerIDValue: JSONValue?
    private var errorValue: JSONValue?
    private var detailValue: JSONValue?

    var containerID: String? { containerIDValue?.string() }
    var error: String? { errorValue?.text(cutTo: Limits.errorBytesMax) }
    var detail: String? { detailValue?.text(cutTo: Limits.detailBytesMax) }

    mutating func take(_ member: JSONMember) throws(WireError) {
        let value = member.value
        if member.keyEquals("containerId") {
            guard value.isString, value.withUTF8(NameRules.isContainerID) else {
                throw .field("containerId", "must be 1 to 255 of A-Z a-z 0-9 - _ . :")
            }
            containerIDValue = value
        } else if member.keyEquals("reason") {
            guard let reason = TaskReason(value), reason.isWorkerFailure || reason == .cancelled else {
                let reasons = "exit_code, oom_killed, timed_out, image_pull, start_failed, runtime_error or cancelled"
                throw .field("reason", "must be \(reasons)")
            }
            self.reason = reason
        } else if member.keyEquals("startedAt") {
            startedAt = try Self.time(value, "startedAt")
        } else if member.keyEquals("finishedAt") {
            finishedAt = try Self.time(value, "finishedAt")
        } else if member.keyEquals("error") {
            guard value.isString else { throw .field("error", "must be a string") }
            errorValue = value
        } else if member.keyEquals("detail") {
            guard value.isString else { throw .field("detail", "must be a string") }
            detailValue = value
        } else if member.keyEquals("beforeSignal") {
            isBeforeSignal = try value.flag("beforeSignal")
        } else {
            try WireError.refuseReply(member)
        }
    }

    private static func time(_ value: JSONValue, _ name: StaticString) throws(WireError) -> Int64 {
        guard value.isString, let time = value.withUTF8(Timestamp.parse), time > 0 else {
            throw .field(name.description, "must be a time such as 2026-11-23T22:31:07.123Z")
        }
        return time
    }
}

extension WireError {
    /// Throws if a member of a request would make the line a reply or an event.
    static func refuseReply(_ member: JSONMember) throws(WireError) {
        guard member.keyEquals("re") || member.keyEquals("ev") else { return }
        throw .field(member.name, "makes a reply or an event of this line, and op a request")
    }
}
