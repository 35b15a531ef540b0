extension StoreBatch {
    /// Count of rows that it writes or removes.
    package var rowCount: Int {
        tasks.count + nodes.count + removedNodeIDs.count + events.count + (newRun == nil ? 0 : 1)
    }

    /// Merges several batches into one: the latest version of each row, with the spec that an earlier one had.
    package init(coalescing batches: [StoreBatch]) {
        if batches.count == 1 {
            self = batches[0]
            return
        }
        self.init()
        var positions: [TaskID: Int] = [:]
        for batch in batches {
            for row in batch.tasks {
                if let position = positions[row.id] {
                    let (spec, group) = (tasks[position].spec, tasks[position].group)
                    tasks[position] = row
                    tasks[position].spec = row.spec ?? spec
                    tasks[position].group = max(row.group, group)
                } else {
                    positions[row.id] = tasks.count
                    tasks.append(row)
                }
            }
            forgottenUpTo = max(forgottenUpTo, batch.forgottenUpTo)
            events += batch.events
            newRun = newRun ?? batch.newRun
        }
        coalesceNodes(batches)
    }

    /// Merges node changes: a removed node may have been added again, and the other way round.
    private mutating func coalesceNodes(_ batches: [StoreBatch]) {
        guard batches.contains(where: { !$0.nodes.isEmpty || !$0.removedNodeIDs.isEmpty }) else { return }
        var latest: [String: NodeRow] = [:]
        var removed: Set<String> = []
        for batch in batches {
            for id in batch.removedNodeIDs {
                latest[id] = nil
                removed.insert(id)
            }
            for row in batch.nodes { latest[row.id] = row }
        }
        nodes = latest.values.sorted { $0.id < $1.id }
        removedNodeIDs = removed.filter { latest[$0] == nil }.sorted()
    }
}
