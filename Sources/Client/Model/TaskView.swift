import PodlingProtocol

/// A task in the master's representation (proto-spec section 5.2). Times are milliseconds since 1970.
public struct TaskView: Sendable {
    /// The object's bytes, verbatim, for output that must not lose a member.
    public let json: [UInt8]
    public let taskId: String
    public let name: String
    public let image: String
    public let command: [String]
    public let args: [String]
    public let labels: [(name: String, value: String)]
    /// `pending scheduled running completed failed cancelled`, or one that a later version adds.
    public let status: String
    public let attempt: Int
    public let nodeId: String?
    public let containerId: String?
    public let reason: String?
    public let error: String?
    public let detail: String?
    public let exitCode: Int?
    public let isCancelRequested: Bool
    public let createdAt: Int64?
    public let scheduledAt: Int64?
    public let startedAt: Int64?
    public let finishedAt: Int64?

    /// - Throws: `ClientError.badReply`, `JSONError`.
    public init(json: [UInt8]) throws {
        self = try JSONBytes.read(json) { try TaskView($0) }
    }

    init(_ value: JSONValue) throws {
        json = [UInt8](value.raw)
        taskId = try value.required("taskId")
        status = try value.required("status")
        name = value["name"]?.string() ?? ""
        image = value["image"]?.string() ?? ""
        command = value["command"]?.elements.compactMap { $0.string() } ?? []
        args = value["args"]?.elements.compactMap { $0.string() } ?? []
        labels = value["labels"]?.stringPairs ?? []
        attempt = value["attempt"]?.int() ?? 0
        nodeId = value["nodeId"]?.string()
        containerId = value["containerId"]?.string()
        reason = value["reason"]?.string()
        error = value["error"]?.string()
        detail = value["detail"]?.string()
        exitCode = value["exitCode"]?.int()
        isCancelRequested = value["cancelRequested"]?.bool() ?? false
        createdAt = value["createdAt"]?.timestamp
        scheduledAt = value["scheduledAt"]?.timestamp
        startedAt = value["startedAt"]?.timestamp
        finishedAt = value["finishedAt"]?.timestamp
    }

    /// Whether the status is terminal: the task will never change again.
    public var hasEnded: Bool { Self.endedStatuses.contains(status) }

    public static let liveStatuses = TaskStatus.allCases.filter { !$0.isTerminal }.map(\.name.description)
    public static let endedStatuses = TaskStatus.allCases.filter(\.isTerminal).map(\.name.description)
}

/// One page of tasks.
public struct TaskPage: Sendable {
    public let tasks: [TaskView]
    /// The cursor of the next page; nil after the last.
    public let cursor: String?

    init(json: [UInt8]) throws {
        (tasks, cursor) = try JSONBytes.read(json) { root in
            (try root["tasks"]?.elements.map { try TaskView($0) } ?? [], root["cursor"]?.string())
        }
    }
}

/// The filter of a `list`; empty members match everything.
public struct TaskFilter: Sendable {
    public var statuses: [String] = []
    public var nodeId: String?
    public var name: String?
    public var labels: [(name: String, value: String)] = []
    /// Whether to include terminal tasks that the master holds no longer, where its store keeps them.
    public var hasHistory = false
    /// Whether the newest come first.
    public var isDescending = false
    /// Tasks in one page, 1 to 1,000.
    public var pageLimit: Int?

    public init() {}

    func json(cursor: String?) -> [UInt8] {
        var object = ObjectWriter()
        object.strings("status", statuses)
        object.string("nodeId", nodeId)
        object.string("name", name)
        object.pairs("labels", labels)
        object.bool("history", hasHistory ? true : nil)
        object.string("order", isDescending ? "desc" : nil)
        object.int("limit", pageLimit)
        object.string("cursor", cursor)
        return object.finish()
    }
}
