/// What a master asks its store for: what it does not hold itself.
public enum StoreQuery: Sendable {
    case task(id: String)
    case tasks(TaskQuery)
    /// Those of these ids that are kept anywhere, in any order. It must see every batch that is durable.
    case existing(ids: [String])
    /// Nodes by the bytes of their ids, those after `cursor`.
    case nodes(cursor: String?, limit: Int)
}

/// A page of tasks, by their ids, of those that are kept anywhere.
public struct TaskQuery: Sendable {
    public var filter: TaskFilter
    /// The id of the last task of the page before.
    public var cursor: String?
    public var limit: Int
    public var isDescending: Bool

    public init(filter: TaskFilter, cursor: String? = nil, limit: Int, isDescending: Bool = false) {
        self.filter = filter
        self.cursor = cursor
        self.limit = limit
        self.isDescending = isDescending
    }
}

/// What a store found.
public struct StorePage: Sendable {
    /// With their specs, in the order that was asked for.
    public var tasks: [TaskRow]
    /// One more than was asked for, where more follow.
    public var nodes: [NodeRow] = []
    /// The last task looked at, where more may follow.
    public var last: TaskRow?

    public init(tasks: [TaskRow] = [], last: TaskRow? = nil) {
        self.tasks = tasks
        self.last = last
    }
}
