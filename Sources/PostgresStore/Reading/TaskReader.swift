import PodlingCore
import PodlingProtocol

/// Queries all tasks in the database: in `tasks`, and those that were moved in `task_history`.
struct TaskReader {
    /// Conditions and order are outside the subqueries, so that all tables are read by their primary keys, merged, up
    /// to the limit.
    private static let everywhere = """
        (SELECT \(TaskStatements.allColumns) FROM tasks
        UNION ALL SELECT \(TaskStatements.allColumns) FROM task_history) AS t
        """
    /// Rows fetched at once where only a task's spec decides whether it matches.
    private static let scanRows = 1_000

    let connection: PGConnection

    func page(_ query: StoreQuery) throws(PGError) -> StorePage {
        switch query {
        case .task(let id):
            StorePage(tasks: try rows(Self.everywhere, "task_id = $1", PGParameters(id), order: "ASC", limit: 1))
        case .tasks(let query): try page(query)
        case .existing(let ids): StorePage(tasks: try rows(ids))
        case .nodes(let cursor, let limit): try nodes(after: cursor, limit: limit)
        }
    }

    private func rows(_ ids: [String]) throws(PGError) -> [TaskRow] {
        var parameters = PGParameters()
        parameters.appendArray(.text, of: ids) { $0.element($1) }
        return try rows(Self.everywhere, "task_id = ANY ($1::text[])", parameters, order: "ASC", limit: 2 * ids.count)
    }

    private func nodes(after cursor: String?, limit: Int) throws(PGError) -> StorePage {
        let (sql, parameters) = NodeStatements.page(after: cursor, limit: limit + 1)
        let result = try connection.execute(sql, parameters)
        var page = StorePage()
        page.nodes = (0..<result.rowCount).map { NodeStatements.row(result, $0) }
        return page
    }

    private func page(_ query: TaskQuery) throws(PGError) -> StorePage {
        let order = query.isDescending ? "DESC" : "ASC"
        let isScan = !query.filter.labels.isEmpty
        let limit = isScan ? Self.scanRows : query.limit
        // Moved tasks are terminal.
        let table = query.filter.statuses & TaskStatus.endedBits == 0 ? "tasks" : Self.everywhere
        var found: [TaskRow] = []
        var cursor = query.cursor
        var scanned = 0
        var bytes = 0
        while true {
            let (condition, parameters) = Self.condition(query, after: cursor)
            let rows = try rows(table, condition, parameters, order: order, limit: limit)
            for row in rows {
                scanned += 1
                // Skip duplicates: the clock was set back, or a retried transaction brought back a moved row.
                guard cursor != row.idText else { continue }
                cursor = row.idText
                guard !isScan || query.filter.matchesSpec(row.spec ?? []) else { continue }
                found.append(row)
                bytes += (row.spec?.count ?? 0) + Self.membersBytes
                if found.count == query.limit || bytes >= Limits.pageBytesMax {
                    return StorePage(tasks: found, last: row)
                }
            }
            if rows.count < limit { return StorePage(tasks: found) }
            if scanned >= Limits.pageTasksScannedMax { return StorePage(tasks: found, last: rows.last) }
        }
    }

    /// Approximate size of a task object without its spec.
    private static let membersBytes = 300

    private static func condition(_ query: TaskQuery, after cursor: String?) -> (String, PGParameters) {
        var parameters = PGParameters()
        var parts: [String] = []
        func add(_ text: (Int) -> String, _ value: String) {
            parameters.append(value)
            parts.append(text(parameters.count))
        }
        let filter = query.filter
        if let cursor { add({ "task_id \(query.isDescending ? "<" : ">") $\($0)" }, cursor) }
        let wanted = TaskStatus.allCases.filter { filter.statuses & (1 << $0.rawValue) != 0 }
        if wanted.count < TaskStatus.allCases.count {
            let names = wanted.map(\.name.description).joined(separator: ",")
            add({ "status = ANY (string_to_array($\($0), ','))" }, names)
        }
        if let node = filter.node { add({ "node_id = $\($0)" }, node) }
        if let name = filter.name { add({ "name = $\($0)" }, name) }
        if let since = filter.since { add({ "created_at >= \(moment($0))" }, String(since)) }
        if let until = filter.until { add({ "created_at < \(moment($0))" }, String(until)) }
        return (parts.isEmpty ? "true" : parts.joined(separator: " AND "), parameters)
    }

    private static func moment(_ parameter: Int) -> String {
        "timestamp 'epoch' + $\(parameter)::bigint * interval '1 millisecond'"
    }

    private func rows(
        _ table: String,
        _ condition: String,
        _ parameters: PGParameters,
        order: String,
        limit: Int
    ) throws(PGError) -> [TaskRow] {
        let sql = """
            SELECT \(TaskStatements.adoptedColumns) FROM \(table) WHERE \(condition)
            ORDER BY task_id \(order) LIMIT \(limit)
            """
        let result = try connection.execute(sql, parameters)
        var rows: [TaskRow] = []
        rows.reserveCapacity(result.rowCount)
        for index in 0..<result.rowCount { rows.append(try Self.row(result, index)) }
        return rows
    }

    private static func row(_ result: PGResult, _ index: Int) throws(PGError) -> TaskRow {
        if let row = TaskStatements.row(result, index), row.spec != nil { return row }
        return TaskStatements.adoptedRow(result, index).task
    }
}
