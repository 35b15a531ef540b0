import PodlingProtocol

/// A page of everything that the master holds.
package struct HeldPage: Sendable {
    /// Tasks with their specs; the last page has nodes and transitions too.
    package var batch: StoreBatch
    /// The position of the next page; nil after the last.
    package var next: Int?
    /// Those of the tasks whose last changes were not handed to the store yet.
    package var changed: Set<TaskID> = []

    package init(batch: StoreBatch, next: Int?) { (self.batch, self.next) = (batch, next) }
}

/// Refilling of a store that came back with less than it had acknowledged.
extension MasterCore {
    private static var heldPageRows: Int { 5_000 }

    /// A page of everything held, as it is now; later changes come with their own turns.
    /// - Parameter position: the start of the page; 0 for the first.
    package mutating func held(from position: Int) -> HeldPage {
        // Tasks forgotten meanwhile are stored with their specs, as their page may not have come yet.
        changes.beginRefill()
        let end = min(position + Self.heldPageRows, tasks.records.slotCount)
        var page = HeldPage(batch: StoreBatch(), next: end < tasks.records.slotCount ? end : nil)
        for slot in (position..<max(position, end)).lazy.map(TaskSlot.init(offset:)) {
            // A task that was not yet handed to the store is not acknowledged either.
            guard tasks[slot].id != TaskID(number: 0), !tasks[slot].flags.contains(.unsaved) else { continue }
            page.batch.tasks.append(wholeRow(slot))
            if tasks[slot].flags.contains(.changed) { page.changed.insert(tasks[slot].id) }
        }
        work &+= page.batch.tasks.count &* 4
        guard page.next == nil else { return page }
        changes.endRefill()
        page.batch.nodes = nodes.sorted.map { NodeRow(nodes[$0]) }
        if configuration.isAudited {
            page.batch.newRun = configuration.epoch
            page.batch.events = heldEvents()
        }
        return page
    }
}
