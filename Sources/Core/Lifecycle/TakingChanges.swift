import PodlingProtocol

extension MasterCore {
    /// Whether something changed since the last `takeChanges`.
    public var hasChanges: Bool { !changes.isEmpty }

    /// The changes since the last call, for a store that keeps rows.
    public mutating func takeChanges() -> StoreBatch {
        changes.takeBatch(&tasks.records, &nodes.records, epoch: configuration.epoch)
    }

    /// The same for a store that keeps none: nothing is copied.
    public mutating func dropChanges() { changes.drop(&tasks.records, &nodes.records) }

    /// Marks a task for the next batch of the store, and the answer to the line that is carried out as one that speaks of it.
    mutating func changed(_ slot: TaskSlot) {
        touch(slot)
        changes.mark(slot, &tasks.records)
    }

    mutating func nodeChanged(_ index: NodeIndex) { changes.mark(index, &nodes.records) }

    func row(_ slot: TaskSlot) -> TaskRow { TaskRow(slot, tasks.records, nodes.records) }

    /// The row with its spec.
    func wholeRow(_ slot: TaskSlot) -> TaskRow {
        var row = row(slot)
        row.spec = tasks[slot].spec
        return row
    }
}
