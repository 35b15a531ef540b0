/// A query of the master to its store, for what the core does not hold.
package enum StoreQuery: Sendable {
    case task(id: String)
    case tasks(TaskQuery)
    /// The subset of these ids that exists anywhere, in any order. It must see every durable batch.
    case existing(ids: [String])
    /// Nodes by the bytes of their ids, those after `cursor`.
    case nodes(cursor: String?, limit: Int)
}

/// A page of stored tasks, ordered by id.
package struct TaskQuery: Sendable {
    package var filter: TaskFilter
    /// The id of the last task of the previous page.
    package var cursor: String?
    package var limit: Int
    package var isDescending: Bool

    package init(filter: TaskFilter, cursor: String? = nil, limit: Int, isDescending: Bool = false) {
        self.filter = filter
        self.cursor = cursor
        self.limit = limit
        self.isDescending = isDescending
    }
}

/// The store's answer to a query.
package struct StorePage: Sendable {
    /// Tasks with their specs, in the requested order.
    package var tasks: [TaskRow]
    /// Nodes; one more than requested if more follow.
    package var nodes: [NodeRow] = []
    /// The last task examined, if more may follow.
    package var last: TaskRow?

    package init(tasks: [TaskRow] = [], last: TaskRow? = nil) {
        self.tasks = tasks
        self.last = last
    }
}
