import PodlingCore
import PodlingProtocol

/// Once faults stop, everything ends: every task (invariants 14 and 17), every request.
final class LivenessChecker {
    private static let name = "everything ends once faults stop"

    private let world: World

    init(_ world: World) { self.world = world }

    /// A task that has not ended; those of hostile clients may ask for what no node has.
    func unended(_ database: Database) -> String? {
        guard database.liveCount > 0 else { return nil }
        return database.ids.first { id in
            guard let stored = database.tasks[id], !stored.isRefused else { return false }
            let row = stored.row
            guard !row.status.isTerminal else { return false }
            return row.spec.flatMap(Ledger.name) != "hostile"
        }
    }

    func check(_ cluster: Cluster) {
        let database = cluster.database
        if let id = unended(database) {
            let row = database.tasks[id]?.row
            return world.fail(
                Self.name,
                "\(id) is \(row.map { "\($0.status.name)" } ?? "") in attempt \(row?.attempt ?? 0) on "
                    + "\(row?.nodeID ?? "no node"); \(database.liveCount) tasks have not ended",
                task: id
            )
        }
        if let client = cluster.clients.first(where: { !$0.isAtRest }) {
            return world.fail(Self.name, "\(client.name) waits for \(client.order.count) replies")
        }
        if let worker = cluster.workers.first(where: { !$0.hasConnection }) {
            return world.fail(Self.name, "\(worker.name) has no master")
        }
        if !cluster.masters.contains(where: { $0.isQuiet }) {
            world.fail(Self.name, "no master leads and is quiet")
        }
    }
}
