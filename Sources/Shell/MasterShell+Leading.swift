import PodlingCore
import PodlingStore

/// Standing by, and taking the lead with the store's contents.
extension MasterShell {
    /// Becomes a standby, or learns who leads.
    package func standBy(leader: String?) {
        guard core.leadership != .standby(leader: leader) else { return }
        core.standBy(leader: leader)
        host.tell(.standingBy(leader: leader))
    }

    private static let namesToldMax = 8

    /// Restores the store's contents, before `lead`. A row that cannot be a task is left out; it stays in the store.
    package func restore(_ kept: StoreBatch) {
        if let trail = kept.trail { core.restore(trail) }
        if let lastID = kept.lastTaskID { core.restore(lastID: lastID) }
        for row in kept.nodes { core.restoreNode(row) }
        let leftOut = kept.tasks.filter { !core.restore($0) }
        if !leftOut.isEmpty {
            host.tell(.leftOut(count: leftOut.count, ids: leftOut.prefix(Self.namesToldMax).map(\.idText)))
        }
        if !kept.events.isEmpty { core.restoreEvents(kept.events) }
        for row in kept.tasks where row.isAdopted { tellFailure(of: row) }
    }

    private func tellFailure(of row: TaskRow) {
        guard let failure = core.failure(ofRestored: row) else { return }
        host.tell(.adoptionFailed(task: row.idText, reason: "\(failure)"))
    }

    /// Delivers a page of what this master holds (`HeldSource`).
    package func held(from position: Int) -> HeldPage { core.held(from: position) }

    package func lead() {
        core.endRestore()
        core.lead(now: host.now)
        host.tell(.leading)
        scheduleTurnEnd()
    }
}
