import PodlingCore
import PodlingShell

/// The machines of a core agree with one another (invariants 5, 16, 20 and 21).
final class MachinesChecker {
    private let world: World

    init(_ world: World) { self.world = world }

    func check(_ master: MasterProcess) {
        guard master.isLeading, let fault = master.shell?.core.checkInvariants() else { return }
        world.fail("machines", "\(master.name): \(fault)")
    }
}
