import PodlingCore
import PodlingProtocol

/// What the masters read: all that an earlier run stored, and what their clients ask for.
extension Database {
    /// The most rows that one page looks at.
    private static let scannedMax = 200

    /// The rows that a new leader loads: what is live, and what ended last.
    func loaded(heldMax: Int) -> [TaskRow] {
        var rows: [TaskRow] = []
        var ended: [(at: Int64, index: Int)] = []
        for id in ids {
            guard let row = tasks[id]?.row else { continue }
            if row.status.isTerminal { ended.append((max(row.finishedAt, row.importedAt), rows.count)) }
            rows.append(row)
        }
        guard ended.count > heldMax else { return rows }
        ended.sort { ($0.at, $0.index) > ($1.at, $1.index) }
        // As the real statement does, it takes all that ended in the same millisecond as the last.
        let oldest = ended[heldMax - 1].at
        return rows.filter { !$0.status.isTerminal || max($0.finishedAt, $0.importedAt) >= oldest }
    }

    /// The highest of the masters' own ids.
    var lastTaskID: TaskID? { ids.last { tasks[$0]?.row.foreignID == nil }.flatMap { tasks[$0]?.row.id } }

    func page(_ query: StoreQuery) -> StorePage {
        switch query {
        case .task(let id): return StorePage(tasks: [tasks[id]?.row].compactMap(\.self))
        case .existing(let ids): return StorePage(tasks: ids.compactMap { tasks[$0]?.row })
        case .nodes(let cursor, let limit):
            var page = StorePage()
            let rows = nodes.values.filter { row in cursor.map { row.id > $0 } ?? true }.sorted { $0.id < $1.id }
            page.nodes = Array(rows.prefix(limit + 1))
            return page
        case .tasks(let query): return page(query)
        }
    }

    private func page(_ query: TaskQuery) -> StorePage {
        var found: [TaskRow] = []
        var index = query.isDescending ? ids.count - 1 : 0
        if let cursor = query.cursor {
            let place = place(of: cursor)
            let isThere = place < ids.count && ids[place] == cursor
            index = query.isDescending ? place - 1 : isThere ? place + 1 : place
        }
        var scanned = 0
        while ids.indices.contains(index) {
            guard let row = tasks[ids[index]]?.row else { break }
            index += query.isDescending ? -1 : 1
            scanned += 1
            if isWanted(row, query.filter) { found.append(row) }
            if found.count == query.limit || scanned == Self.scannedMax { return StorePage(tasks: found, last: row) }
        }
        return StorePage(tasks: found)
    }

    private func isWanted(_ row: TaskRow, _ filter: TaskFilter) -> Bool {
        guard filter.statuses & (1 << row.status.rawValue) != 0 else { return false }
        if let node = filter.node, row.nodeID != node { return false }
        if let since = filter.since, row.createdAt < since { return false }
        if let until = filter.until, row.createdAt >= until { return false }
        return filter.name == nil && filter.labels.isEmpty || filter.matchesSpec(row.spec ?? [])
    }
}
