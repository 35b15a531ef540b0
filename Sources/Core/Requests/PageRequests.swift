import PodlingProtocol

/// The members of `list` (proto-spec.md, section 6.5).
struct ListRequest {
    let filter: TaskFilter
    let limit: Int
    let isDescending: Bool
    let cursor: TaskCursor?
    let wantsHistory: Bool
    /// Whether the page may come without tasks whose last changes are not durable.
    let isPartial: Bool

    init(_ root: JSONValue) throws(WireError) {
        filter = try TaskFilter(root)
        limit = try root.optional("limit")?.pageLimit() ?? Limits.pageItemsDefault
        isDescending = try root.optional("order")?.isDescending() ?? false
        if let value = root.optional("cursor") {
            guard let cursor = TaskCursor(value) else {
                throw .field("cursor", "must be the cursor of an earlier page")
            }
            self.cursor = cursor
        } else {
            cursor = nil
        }
        wantsHistory = try root.optional("history")?.flag("history") ?? false
        isPartial = try root.optional("partial")?.flag("partial") ?? false
    }

    var query: TaskQuery {
        TaskQuery(filter: filter, cursor: cursor?.text, limit: limit, isDescending: isDescending)
    }
}

/// The members of `nodes` (proto-spec.md, section 6.11).
struct NodesRequest {
    let limit: Int
    /// A node id given by another system may be any text up to the length of a task id.
    let cursor: String?

    init(_ root: JSONValue) throws(WireError) {
        limit = try root.optional("limit")?.pageLimit() ?? Limits.pageItemsDefault
        cursor = try root.optional("cursor")?.text("cursor", bytes: 0...Limits.taskIDBytesMax)
    }
}

extension JSONValue {
    fileprivate func pageLimit() throws(WireError) -> Int { try integer("limit", in: 1...Limits.pageItemsMax) }

    fileprivate func isDescending() throws(WireError) -> Bool {
        if stringEquals("desc") { return true }
        guard stringEquals("asc") else { throw .field("order", "must be asc or desc") }
        return false
    }
}
