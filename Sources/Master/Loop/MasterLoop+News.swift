import Logging
import PodlingShell
import PodlingStore

/// The log of what happens in a shell.
extension MasterLoop {
    private static let adoptionsLoggedMax = 1_000

    func tell(_ news: ShellNews) {
        switch news {
        case .standingBy(let leader): logger.info("standing by", metadata: ["leader": "\(leader ?? "none yet")"])
        case .leading: logger.info("leading")
        case .leftOut(let count, let ids):
            let names = ids.map { "\"\($0)\"" }.joined(separator: ", ")
            logger.error(
                "tasks in the database that cannot be read are left out: correct or remove their rows, and restart",
                metadata: ["count": "\(count)", "taskIds": "\(names)"]
            )
        case .adoptionFailed(let task, let reason): tellAdoption(of: task, reason)
        case .storeLate: logger.warning("the store is late")
        case .storeBack: logger.notice("the store is back")
        case .storeFailed(let error): storeFailed?(error)
        case .storeNotRead(let error): logger.warning("reading the store: \(error.message)")
        case .stalled(let milliseconds):
            logger.warning("the master stood still", metadata: ["milliseconds": "\(milliseconds)"])
        case .notRead(let bytes, let reason):
            logger.info(
                "closing a connection that does not read",
                metadata: ["unreadBytes": "\(bytes)", "why": "\(reason)"]
            )
        case .refused, .backedUp, .heldBack, .sentAhead: break
        }
    }

    private func tellAdoption(of task: String, _ reason: String) {
        failedAdoptions += 1
        if failedAdoptions == Self.adoptionsLoggedMax + 1 { logger.warning("more adopted tasks fail") }
        guard failedAdoptions <= Self.adoptionsLoggedMax else { return }
        logger.warning(
            "an adopted task that waited is failed: no worker can run it",
            metadata: ["task": "\(task)", "why": "\(reason)"]
        )
    }
}
