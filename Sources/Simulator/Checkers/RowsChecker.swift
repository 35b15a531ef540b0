import PodlingCore
import PodlingProtocol
import PodlingShell

/// The rows add up to the state: while nothing is under way, each task that a leader holds is as its row says
/// (invariants 5 and 20).
final class RowsChecker {
    private static let name = "rows add up to the state"

    private let world: World
    private let database: Database

    init(_ world: World, _ database: Database) {
        self.world = world
        self.database = database
    }

    func check(_ master: MasterProcess) {
        guard let shell = master.shell, master.isQuiet, !database.isBehind, master.store?.isLeader == true
        else { return }
        world.used("rows compared")
        var position: Int? = 0
        while let from = position {
            let page = shell.held(from: from)
            for row in page.batch.tasks { check(row) }
            position = page.next
        }
    }

    private func check(_ row: TaskRow) {
        let id = row.idText
        guard let stored = database.tasks[id] else {
            if world.cluster.ledger.isRefused(row, isNew: true, changesToo: false) { return }
            return world.fail(Self.name, "\(id) is held as \(row.status.name) and has no row", task: id)
        }
        guard !stored.isRefused, !world.cluster.checkers.acknowledged.excused.contains(id) else { return }
        var there = stored.row
        var held = row
        (there.group, held.group) = (0, 0)
        // An id of another program is a number of this run only.
        if held.foreignID != nil { there.id = held.id }
        if stored.isLate {
            (there.detail, there.error, there.containerID) = (held.detail, held.error, held.containerID)
        }
        guard there != held else { return }
        world.fail(Self.name, "\(id) is held as \(Self.text(held)) and stored as \(Self.text(there))", task: id)
    }

    private static func text(_ row: TaskRow) -> String {
        var row = row
        row.spec = nil
        return "\(row)"
    }
}
