import Logging
import PodlingCore
import PodlingStore

/// Standing by, and taking the lead with what the store kept.
extension MasterLoop {
    /// Another master leads.
    func standBy(leader: String?) {
        guard core.leadership != .standby(leader: leader) else { return }
        core.standBy(leader: leader)
        logger.info("standing by", metadata: ["leader": "\(leader ?? "none yet")"])
    }

    private static let namesLoggedMax = 8

    /// Takes what the store kept, before `lead`. A row that cannot be a task is left out; it stays in the store.
    func restore(_ kept: StoreBatch) {
        if let trail = kept.trail { core.restore(trail) }
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
    }

    func lead() {
        core.endRestore()
        core.lead(now: Tick.current())
        logger.info("leading")
        scheduleTurnEnd()
    }
}
