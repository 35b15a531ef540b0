/// The members of a task object other than those of its spec.
struct TaskObjectMembers {
    static let names: [StaticString] = [
        "taskId", "status", "attempt", "nodeId", "containerId", "reason", "error", "detail", "exitCode",
        "cancelRequested", "createdAt", "scheduledAt", "startedAt", "finishedAt",
    ]

    var taskID: String?
    var status: TaskStatus?
    var reason = TaskReason.none
    var attempt: Int?
    var exitCode: Int?
    var nodeID: String?
    var containerID: String?
    var error: String?
    var detail: String?
    var isCancelRequested = false
    var createdAt: Int64?
    var scheduledAt: Int64 = 0
    var startedAt: Int64 = 0
    var finishedAt: Int64 = 0

    mutating func take(_ member: JSONMember) throws(WireError) {
        let value = member.value
        if member.keyEquals("taskId") {
            let id = try value.taskID()
            guard id.unicodeScalars.count <= Limits.keptTextCharactersMax else {
                throw .field("taskId", "must be at most \(Limits.keptTextCharactersMax) characters")
            }
            taskID = id
        } else if member.keyEquals("status") {
            guard let status = TaskStatus(value) else {
                throw .field("status", "must be pending, scheduled, running, completed, failed or cancelled")
            }
            self.status = status
        } else if member.keyEquals("attempt") {
            attempt = try value.integer("attempt", in: 0...Limits.attemptMax)
        } else if member.keyEquals("exitCode") {
            exitCode = try value.integer("exitCode", in: Int(Int32.min)...Int(Int32.max))
        } else if member.keyEquals("createdAt") {
            createdAt = try Self.anyTime(value, "createdAt")
        } else if member.keyEquals("scheduledAt") {
            scheduledAt = try Self.time(value, "scheduledAt")
        } else if member.keyEquals("startedAt") {
            startedAt = try Self.time(value, "startedAt")
        } else if member.keyEquals("finishedAt") {
            finishedAt = try Self.time(value, "finishedAt")
        } else {
            try takeText(member)
        }
    }

    private mutating func takeText(_ member: JSONMember) throws(WireError) {
        let value = member.value
        if member.keyEquals("reason") {
            guard let reason = TaskReason(value) else {
                let names = TaskReason.allCases.filter { $0 != .none }.map(\.name.description)
                throw .field("reason", "must be one of \(names.joined(separator: ", "))")
            }
            self.reason = reason
        } else if member.keyEquals("nodeId") {
            nodeID = try Self.name(value, "nodeId")
        } else if member.keyEquals("containerId") {
            containerID = try Self.name(value, "containerId")
        } else if member.keyEquals("error") {
            error = try Self.words(value, "error", bytesMax: Limits.errorBytesMax)
        } else if member.keyEquals("detail") {
            detail = try Self.words(value, "detail", bytesMax: Limits.detailBytesMax)
        } else if member.keyEquals("cancelRequested") {
            isCancelRequested = try value.flag("cancelRequested")
        }
    }

    private static func anyTime(_ value: JSONValue, _ name: StaticString) throws(WireError) -> Int64 {
        let time = try value.timestamp(name)
        guard (Timestamp.millisecondsMin...Timestamp.millisecondsMax).contains(time) else {
            throw .field(name.description, "must be a time of the years 0 to 9999")
        }
        return time
    }

    private static func time(_ value: JSONValue, _ name: StaticString) throws(WireError) -> Int64 {
        let time = try anyTime(value, name)
        // That instant is the encoding of "not yet".
        guard time != 0 else { throw .field(name.description, "must be another time than 1970-01-01T00:00:00Z") }
        return time
    }

    private static func name(_ value: JSONValue, _ name: StaticString) throws(WireError) -> String {
        guard let text = keptText(value, from: 1) else {
            throw .field(
                name.description,
                "must be a string of 1 to \(Limits.keptTextCharactersMax) characters without NUL"
            )
        }
        return text
    }

    /// Reads a string that every store can keep as a name.
    static func keptText(_ value: JSONValue, from charactersMin: Int) -> String? {
        guard value.isString, let text = value.string(), !text.utf8.contains(0) else { return nil }
        return (charactersMin...Limits.keptTextCharactersMax).contains(text.unicodeScalars.count) ? text : nil
    }

    private static func words(_ value: JSONValue, _ name: StaticString, bytesMax: Int) throws(WireError) -> String {
        guard value.isString, let text = value.string(), text.utf8.count <= bytesMax else {
            throw .field(name.description, "must be a string of at most \(bytesMax) bytes")
        }
        return text.withoutNUL
    }
}
