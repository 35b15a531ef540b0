/// A task object (proto-spec.md, section 5.2) as `import` accepts it, with every member checked.
package struct TaskObject: Sendable {
    package var taskID = ""
    package var status = TaskStatus.pending
    package var reason = TaskReason.none
    package var attempt = 0
    package var exitCode: Int?
    package var nodeID: String?
    package var containerID: String?
    package var error: String?
    package var detail: String?
    package var isCancelRequested = false
    /// Milliseconds since 1970; 0 means that it has not happened yet.
    package var createdAt: Int64 = 0
    package var scheduledAt: Int64 = 0
    package var startedAt: Int64 = 0
    package var finishedAt: Int64 = 0
    package let summary: TaskSummary
    /// Why no worker can run it; nil where one can.
    package let fault: WireError?

    /// An invalid spec is accepted where the task is terminal, or another system made it.
    ///
    /// - Throws: `bad_request` that names the first member at fault.
    package init(_ object: JSONValue) throws(WireError) {
        var members = TaskObjectMembers()
        for member in object.members {
            if Self.isOwn(member) {
                if !member.value.isNull { try members.take(member) }
            } else if !TaskSpecRules.isKnown(member.key) {
                throw .field(String(member.name.prefix(Limits.idBytesMax)), "is not a member of a task")
            }
        }
        guard let taskID = members.taskID else { throw .field("taskId", "is required") }
        guard let status = members.status else { throw .field("status", "is required") }
        guard let createdAt = members.createdAt else { throw .field("createdAt", "is required") }
        do throws(WireError) {
            summary = try TaskSummary(object, beside: .task)
            fault = Self.fault(ofID: taskID)
        } catch {
            guard status.isTerminal || !taskID.follows(NameRules.isOwnTaskID) else { throw error }
            try Self.checkStorable(object)
            guard let kept = TaskSummary(unchecked: object, beside: .task) else { throw error }
            summary = kept
            fault = error
        }
        self.taskID = taskID
        self.status = status
        self.createdAt = createdAt
        reason = members.reason
        // A system that counts no attempts made one if the task got past pending.
        attempt = members.attempt ?? (status == .pending ? 0 : 1)
        exitCode = members.exitCode
        (nodeID, containerID, error, detail) = (members.nodeID, members.containerID, members.error, members.detail)
        isCancelRequested = members.isCancelRequested
        (scheduledAt, startedAt, finishedAt) = (members.scheduledAt, members.startedAt, members.finishedAt)
        try checkTogether()
    }

    private func checkTogether() throws(WireError) {
        switch status {
        case .pending:
            if isCancelRequested { throw .field("cancelRequested", "a pending task is cancelled at once") }
        case .scheduled, .running:
            guard attempt > 0 else { throw .field("attempt", "must be 1 or more for a task that a node has") }
            guard nodeID != nil else { throw .field("nodeId", "is required for a task that a node has") }
        case .completed, .failed, .cancelled:
            if isCancelRequested { throw .field("cancelRequested", "is for tasks that have not ended") }
        }
        if !status.isTerminal, finishedAt != 0 { throw .field("finishedAt", "is for tasks that have ended") }
        if status == .completed, let exitCode, exitCode != 0 {
            throw .field("exitCode", "must be 0 for completed")
        }
    }

    /// Why a task of this id cannot run; nil where it can.
    package static func fault(ofID id: String) -> WireError? {
        guard !id.follows(NameRules.isRunnableTaskID) else { return nil }
        return .field("taskId", "cannot name a container: that takes 1 to 128 of A-Z a-z 0-9 - _ .")
    }

    /// Whether this member is one of the task and not of its spec.
    static func isOwn(_ member: JSONMember) -> Bool {
        TaskObjectMembers.names.contains { member.keyEquals($0) }
    }

    /// Checks what must hold even of an invalid spec, since every store has to keep it.
    private static func checkStorable(_ object: JSONValue) throws(WireError) {
        for name in ["name", "image"] as [StaticString] {
            guard TaskObjectMembers.keptText(try object.required(name), from: 0) != nil else {
                let fault = "must be a string of at most \(Limits.keptTextCharactersMax) characters without NUL"
                throw .field(name.description, fault)
            }
        }
    }
}
