import PodlingProtocol

/// A part of all that the master holds.
public struct HeldPage: Sendable {
    /// Each task with its spec; nodes and transitions come with the last page.
    public var batch: StoreBatch
    /// Where the next page begins; nil after the last.
    public var next: Int?

    public init(batch: StoreBatch, next: Int?) { (self.batch, self.next) = (batch, next) }
}

/// What a store is to have that came back with less than it had acknowledged.
extension MasterCore {
    private static var heldPageRows: Int { 5_000 }

    /// A page of all that is held, as it is now; what changes later comes with its own turn.
    /// - Parameter position: where the page begins; 0 for the first.
    public mutating func held(from position: Int) -> HeldPage {
        // What is forgotten meanwhile goes to the store whole: its page may not have come yet.
        changes.isRefilling = true
        let end = min(position + Self.heldPageRows, tasks.records.slotCount)
        var page = HeldPage(batch: StoreBatch(), next: end < tasks.records.slotCount ? end : nil)
        for slot in (position..<max(position, end)).lazy.map(TaskSlot.init(offset:)) {
            // One that was not handed over yet is not acknowledged either.
            guard tasks[slot].id != TaskID(number: 0), !tasks[slot].flags.contains(.unsaved) else { continue }
            page.batch.tasks.append(wholeRow(slot))
        }
        work &+= page.batch.tasks.count &* 4
        guard page.next == nil else { return page }
        changes.isRefilling = false
        page.batch.nodes = nodes.sorted.map { NodeRow(nodes[$0]) }
        if configuration.isAudited {
            page.batch.newRun = configuration.epoch
            page.batch.events = heldEvents()
        }
        return page
    }
}
