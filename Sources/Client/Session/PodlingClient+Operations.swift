import PodlingProtocol

extension PodlingClient {
    /// Submits one task.
    ///
    /// - Parameter spec: a JSON object (proto-spec section 5.1).
    public func submit(spec: [UInt8]) async throws -> TaskView {
        try TaskView(json: try await request("submit", try Self.checked(spec)).ok)
    }

    /// Submits several tasks, all or none.
    ///
    /// - Returns: the tasks' ids, in the same order.
    public func submitMany(specs: [[UInt8]]) async throws -> [String] {
        var object = ObjectWriter()
        object.jsonArray("tasks", try specs.map(Self.checked))
        let reply = try await request("submit_many", object.finish())
        let taskIds = try JSONBytes.read(reply.ok) { $0["taskIds"]?.elements.compactMap { $0.string() } }
        guard let taskIds, taskIds.count == specs.count else {
            throw ClientError.badReply("not one taskId for each task")
        }
        return taskIds
    }

    public func get(taskId: String) async throws -> TaskView {
        try TaskView(json: try await request("get", Self.members(taskId: taskId)).ok)
    }

    /// Fetches one page of tasks.
    ///
    /// - Parameter cursor: the cursor of the page before; nil for the first.
    public func listPage(_ filter: TaskFilter, cursor: String? = nil) async throws -> TaskPage {
        try TaskPage(json: try await request("list", filter.json(cursor: cursor)).ok)
    }

    /// All pages of tasks, each fetched on demand.
    public func list(_ filter: TaskFilter = TaskFilter()) -> TaskPages {
        TaskPages(client: self, filter: filter)
    }

    /// Requests that a task end; it has ended once its status is terminal.
    public func cancel(taskId: String, why error: String? = nil) async throws -> TaskView {
        var object = ObjectWriter()
        object.string("taskId", taskId)
        object.string("error", error)
        return try TaskView(json: try await request("cancel", object.finish()).ok)
    }

    /// Fetches one page of nodes, by node id.
    public func nodesPage(limit: Int? = nil, cursor: String? = nil) async throws -> NodePage {
        var object = ObjectWriter()
        object.int("limit", limit)
        object.string("cursor", cursor)
        return try NodePage(json: try await request("nodes", object.finish()).ok)
    }

    /// Drains a node, so that no new tasks are placed on it, or undoes that.
    public func drain(nodeId: String, isOn: Bool = true) async throws -> NodeView {
        var object = ObjectWriter()
        object.string("nodeId", nodeId)
        object.bool("on", isOn)
        return try NodeView(json: try await request("drain", object.finish()).ok)
    }

    public func ping() async throws -> MasterView {
        try MasterView(json: try await request("ping").ok)
    }

    static func members(taskId: String) -> [UInt8] {
        var object = ObjectWriter()
        object.string("taskId", taskId)
        return object.finish()
    }

    /// Validates that a spec is one JSON object, which cannot break out of the request that it is embedded in.
    private static func checked(_ spec: [UInt8]) throws -> [UInt8] {
        do {
            try JSONBytes.read(spec) { root in
                for name in ["op", "id"] where root.members.contains(where: { $0.name == name }) {
                    throw ClientError.badSpec("it has a member '\(name)'")
                }
            }
        } catch let error as JSONError {
            throw ClientError.badSpec("\(error)")
        }
        var object = ObjectWriter()
        object.members(of: spec)
        return object.finish()
    }
}

/// The pages of a `list`; iteration fetches one after the other.
public struct TaskPages: AsyncSequence, Sendable {
    public typealias Element = TaskPage

    let client: PodlingClient
    let filter: TaskFilter

    public func makeAsyncIterator() -> Iterator { Iterator(client: client, filter: filter) }

    public struct Iterator: AsyncIteratorProtocol {
        let client: PodlingClient
        let filter: TaskFilter
        private var cursor: String?
        private var isLast = false

        init(client: PodlingClient, filter: TaskFilter) {
            self.client = client
            self.filter = filter
        }

        public mutating func next() async throws -> TaskPage? {
            guard !isLast else { return nil }
            let page = try await client.listPage(filter, cursor: cursor)
            cursor = page.cursor
            isLast = page.cursor == nil
            return page
        }
    }
}
