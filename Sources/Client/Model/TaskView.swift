import PodlingProtocol

/// A task in the master's representation (proto-spec section 5.2). Times are milliseconds since 1970.
public struct TaskView: Sendable {
    /// The object's bytes, verbatim, for output that must not lose a member.
    public let json: [UInt8]
    /// The id that the master assigned, or another system before an import.
    public let taskId: String
    /// The name of the spec; several tasks may have one name.
    public let name: String
    /// The image reference of the spec.
    public let image: String
    /// What replaces the image's entry point; nil where it is kept, empty where it is cleared.
    public let command: [String]?
    /// What replaces the image's command; empty where the spec has none.
    public let args: [String]
    /// The labels of the spec, in its order.
    public let labels: [(name: String, value: String)]
    /// `pending scheduled running completed failed cancelled`, or one that a later version adds.
    public let status: String
    /// The number of the latest attempt; 0 before the first.
    public let attempt: Int
    /// The node of the latest attempt; nil before the first.
    public let nodeId: String?
    /// The container of the latest attempt; nil before there is one.
    public let containerId: String?
    /// Why the status is as it is (proto-spec section 11), such as `exit_code`; nil for most.
    public let reason: String?
    /// A human-readable message, at most 1,024 bytes; not safe for a terminal as it is.
    public let error: String?
    /// What the worker does now, such as `pulling busybox`, at most 256 bytes.
    public let detail: String?
    /// The latest attempt's exit code, once it has ended; 128 plus the number of a signal that ended it.
    public let exitCode: Int?
    /// Whether a cancel was requested that the worker has not confirmed.
    public let isCancelRequested: Bool
    /// When it was submitted.
    public let createdAt: Int64?
    /// When the latest attempt was assigned to its node.
    public let scheduledAt: Int64?
    /// When the latest attempt began to run.
    public let startedAt: Int64?
    /// When it ended.
    public let finishedAt: Int64?

    /// Reads a task object, such as one in a reply to `PodlingClient.request(_:_:deadlineSeconds:)`.
    ///
    /// - Throws: `ClientError.badReply` where `taskId` or `status` is missing, `JSONError`.
    public init(json: [UInt8]) throws {
        self = try JSONReader.read(json) { try TaskView($0) }
    }

    init(_ value: JSONValue) throws {
        json = [UInt8](value.raw)
        taskId = try value.required("taskId")
        status = try value.required("status")
        name = value["name"]?.string() ?? ""
        image = value["image"]?.string() ?? ""
        command = value["command"].flatMap { $0.isArray ? $0.elements.compactMap { $0.string() } : nil }
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

    /// `pending`, `scheduled`, `running`.
    public static let liveStatuses = TaskStatus.allCases.filter { !$0.isTerminal }.map(\.name.description)
    /// `completed`, `failed`, `cancelled`: the terminal ones.
    public static let endedStatuses = TaskStatus.allCases.filter(\.isTerminal).map(\.name.description)
}

/// One page of tasks.
public struct TaskPage: Sendable {
    /// In the order of the filter.
    public let tasks: [TaskView]
    /// The cursor of the next page; nil after the last.
    public let cursor: String?
    /// The number of tasks that were left out, as the master's store does not have their last changes yet; only with
    /// `TaskFilter.isPartial`.
    public let withheldCount: Int

    init(json: [UInt8]) throws {
        (tasks, cursor, withheldCount) = try JSONReader.read(json) { root in
            (
                try root["tasks"]?.elements.map { try TaskView($0) } ?? [], root["cursor"]?.string(),
                root["withheld"]?.int() ?? 0
            )
        }
    }
}

/// The filter of a `list` (proto-spec section 6.5); empty members match everything.
public struct TaskFilter: Sendable {
    /// Any of these statuses.
    public var statuses: [String] = []
    /// The node of the latest attempt.
    public var nodeId: String?
    /// The exact name.
    public var name: String?
    /// All of these labels, with these values.
    public var labels: [(name: String, value: String)] = []
    /// Whether to include terminal tasks that the master holds no longer, where its store keeps them.
    public var hasHistory = false
    /// Whether the newest come first.
    public var isDescending = false
    /// Tasks in one page, 1 to 1,000.
    public var pageLimit: Int?
    /// Whether a page comes without the tasks that it cannot show while the master's store is away; otherwise it is
    /// `unavailable` then.
    public var isPartial = false

    /// Every task that the master holds, the oldest first.
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
        object.bool("partial", isPartial ? true : nil)
        return object.finish()
    }
}
