import Logging
import PodlingCore
import PodlingStore

/// Standing by, and taking the lead with the store's contents.
extension MasterLoop {
    /// Becomes a standby, or learns who leads.
    func standBy(leader: String?) {
        guard core.leadership != .standby(leader: leader) else { return }
        core.standBy(leader: leader)
        logger.info("standing by", metadata: ["leader": "\(leader ?? "none yet")"])
    }

    private static let namesLoggedMax = 8
    private static let adoptionsLoggedMax = 1_000

    /// Restores the store's contents, before `lead`. A row that cannot be a task is left out; it stays in the store.
    func restore(_ kept: StoreBatch) {
        if let trail = kept.trail { core.restore(trail) }
        if let lastID = kept.lastTaskID { core.restore(lastID: lastID) }
        for row in kept.nodes { core.restoreNode(row) }
        let leftOut = kept.tasks.filter { !core.restore($0) }
        if !leftOut.isEmpty {
            let names = leftOut.prefix(Self.namesLoggedMax).map { "\"\($0.idText)\"" }.joined(separator: ", ")
            logger.error(
                "tasks in the database that cannot be read are left out: correct or remove their rows, and restart",
                metadata: ["count": "\(leftOut.count)", "taskIds": "\(names)"]
            )
        }
        if !kept.events.isEmpty { core.restoreEvents(kept.events) }
        for row in kept.tasks where row.isAdopted { tellFailure(of: row) }
    }

    private func tellFailure(of row: TaskRow) {
        guard let failure = core.failure(ofRestored: row) else { return }
        failedAdoptions += 1
        if failedAdoptions == Self.adoptionsLoggedMax + 1 { logger.warning("more adopted tasks fail") }
        guard failedAdoptions <= Self.adoptionsLoggedMax else { return }
        logger.warning(
            "an adopted task that waited is failed: no worker can run it",
            metadata: ["task": "\(row.idText)", "why": "\(failure)"]
        )
    }

    func lead() {
        core.endRestore()
        core.lead(now: Tick.current())
        logger.info("leading")
        scheduleTurnEnd()
    }
}
