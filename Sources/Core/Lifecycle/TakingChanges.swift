import PodlingProtocol

extension MasterCore {
    /// Whether something changed since the last `takeChanges`.
    package var hasChanges: Bool { !changes.isEmpty }

    /// Removes and returns the changes since the last call, for a store that keeps rows.
    package mutating func takeChanges() -> StoreBatch {
        changes.takeBatch(tasks.table.foreign, &tasks.records, &nodes.records, epoch: configuration.epoch)
    }

    /// Discards the changes, for a store that keeps none; nothing is copied.
    package mutating func dropChanges() { changes.drop(&tasks.records, &nodes.records) }

    /// Lists a task for the store's next batch, and marks the reply to the current line as one that reports it.
    mutating func changed(_ slot: TaskSlot) {
        touch(slot)
        changes.mark(slot, &tasks.records)
    }

    mutating func nodeChanged(_ index: NodeIndex) { changes.mark(index, &nodes.records) }

    func row(_ slot: TaskSlot) -> TaskRow { TaskRow(slot, tasks.records, tasks.table.foreign, nodes.records) }

    /// The task's row, spec included.
    func wholeRow(_ slot: TaskSlot) -> TaskRow {
        var row = row(slot)
        row.spec = tasks[slot].spec
        return row
    }
}
