import PodlingProtocol

extension PodlingClient {
    /// Submits one task (proto-spec section 6.2). With an `idempotencyKey` in the spec the call may be repeated.
    ///
    /// - Parameter spec: a JSON object (proto-spec section 5.1) of at most 64 KiB.
    /// - Returns: the new task, once it is durable; with a key that is known, the first task with that key.
    /// - Throws: `ClientError.badSpec` where `spec` is not one JSON object; `PodlingError`: `bad_request` for a spec
    ///   that breaks a rule, `conflict` for a key with another spec, `overloaded`; `ClientError`, `CancellationError`.
    public func submit(spec: [UInt8]) async throws -> TaskView {
        try TaskView(json: try await request("submit", try Self.checked(spec)).ok)
    }

    /// Submits several tasks, all or none (proto-spec section 6.3).
    ///
    /// - Parameter specs: 1 to 1,000 JSON objects, less than 1 MiB together.
    /// - Returns: the tasks' ids, in the same order.
    /// - Throws: as `submit(spec:)`; the `field` of a `PodlingError` begins with `tasks[INDEX]`.
    public func submitMany(specs: [[UInt8]]) async throws -> [String] {
        var object = ObjectWriter()
        object.jsonArray("tasks", try specs.map(Self.checked))
        let reply = try await request("submit_many", object.finish())
        let taskIds = try JSONReader.read(reply.ok) { $0["taskIds"]?.elements.compactMap { $0.string() } }
        guard let taskIds, taskIds.count == specs.count else {
            throw ClientError.badReply("not one taskId for each task")
        }
        return taskIds
    }

    /// Fetches a task (proto-spec section 6.4).
    ///
    /// - Throws: `PodlingError`: `not_found`, `unavailable`; `ClientError`, `CancellationError`.
    public func get(taskId: String) async throws -> TaskView {
        try TaskView(json: try await request("get", Self.members(taskId: taskId)).ok)
    }

    /// Fetches one page of tasks (proto-spec section 6.5). A page may be empty and still have a cursor.
    ///
    /// - Parameters:
    ///   - filter: what to include, and in which order.
    ///   - cursor: the cursor of the page before; nil for the first.
    /// - Throws: `PodlingError` from the master, `ClientError`, `CancellationError`.
    public func listPage(_ filter: TaskFilter, cursor: String? = nil) async throws -> TaskPage {
        try TaskPage(json: try await request("list", filter.json(cursor: cursor)).ok)
    }

    /// All pages of tasks, each fetched on demand.
    ///
    /// - Parameter filter: what to include, and in which order; the default is every task that the master holds.
    public func list(_ filter: TaskFilter = TaskFilter()) -> TaskPages {
        TaskPages(client: self, filter: filter)
    }

    /// Requests that a task end (proto-spec section 6.6). One that runs gets SIGTERM, and SIGKILL after its grace.
    ///
    /// - Parameters:
    ///   - taskId: a task that has ended stays as it is.
    ///   - error: a human-readable reason, which the task keeps as its `error`.
    /// - Returns: the task, which has ended only if `hasEnded`; `wait(taskId:)` waits for that.
    /// - Throws: `PodlingError`: `not_found`, `unavailable`; `ClientError`, `CancellationError`.
    public func cancel(taskId: String, why error: String? = nil) async throws -> TaskView {
        var object = ObjectWriter()
        object.string("taskId", taskId)
        object.string("error", error)
        return try TaskView(json: try await request("cancel", object.finish()).ok)
    }

    /// Fetches one page of nodes, by node id (proto-spec section 6.11).
    ///
    /// - Parameters:
    ///   - limit: nodes in the page, 1 to 1,000; nil is 100.
    ///   - cursor: the cursor of the page before; nil for the first.
    /// - Throws: `PodlingError` from the master, `ClientError`, `CancellationError`.
    public func nodesPage(limit: Int? = nil, cursor: String? = nil) async throws -> NodePage {
        var object = ObjectWriter()
        object.int("limit", limit)
        object.string("cursor", cursor)
        return try NodePage(json: try await request("nodes", object.finish()).ok)
    }

    /// Drains a node, so that no new tasks are placed on it, or undoes that (proto-spec section 6.12). What runs there
    /// continues.
    ///
    /// - Throws: `PodlingError`: `not_found`; `ClientError`, `CancellationError`.
    public func drain(nodeId: String, isOn: Bool = true) async throws -> NodeView {
        var object = ObjectWriter()
        object.string("nodeId", nodeId)
        object.bool("on", isOn)
        return try NodeView(json: try await request("drain", object.finish()).ok)
    }

    /// Fetches the state of the master (proto-spec section 6.13). A client without credentials may do so too.
    ///
    /// - Throws: `PodlingError` from the master, `ClientError`, `CancellationError`.
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
            try JSONReader.read(spec) { root in
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
    /// One page; it may be empty.
    public typealias Element = TaskPage

    let client: PodlingClient
    let filter: TaskFilter

    /// Begins with the first page. Each iterator fetches its own pages.
    public func makeAsyncIterator() -> Iterator { Iterator(client: client, filter: filter) }

    /// Fetches one page after the other.
    public struct Iterator: AsyncIteratorProtocol {
        let client: PodlingClient
        let filter: TaskFilter
        private var cursor: String?
        private var isLast = false

        init(client: PodlingClient, filter: TaskFilter) {
            self.client = client
            self.filter = filter
        }

        /// Fetches the next page; nil after the last.
        ///
        /// - Throws: `PodlingError` from the master, `ClientError`, `CancellationError`.
        public mutating func next() async throws -> TaskPage? {
            guard !isLast else { return nil }
            let page = try await client.listPage(filter, cursor: cursor)
            cursor = page.cursor
            isLast = page.cursor == nil
            return page
        }
    }
}
