/// A query of the master to its store, for what the core does not hold.
public enum StoreQuery: Sendable {
    case task(id: String)
    case tasks(TaskQuery)
    /// The subset of these ids that exists anywhere, in any order. It must see every durable batch.
    case existing(ids: [String])
    /// Nodes by the bytes of their ids, those after `cursor`.
    case nodes(cursor: String?, limit: Int)
}

/// A page of stored tasks, ordered by id.
public struct TaskQuery: Sendable {
    public var filter: TaskFilter
    /// The id of the last task of the previous page.
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

/// The store's answer to a query.
public struct StorePage: Sendable {
    /// Tasks with their specs, in the requested order.
    public var tasks: [TaskRow]
    /// Nodes; one more than requested if more follow.
    public var nodes: [NodeRow] = []
    /// The last task examined, if more may follow.
    public var last: TaskRow?

    public init(tasks: [TaskRow] = [], last: TaskRow? = nil) {
        self.tasks = tasks
        self.last = last
    }
}
