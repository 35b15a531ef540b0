/// At most one leader writes: epochs only increase, and each has one holder (invariant 19).
final class LeaderChecker {
    private let world: World
    private var epoch = 0
    private var holder = 0

    init(_ world: World) { self.world = world }

    func wrote(epoch: Int, holder: Int) {
        let isOther = epoch == self.epoch && holder != self.holder
        if epoch < self.epoch || isOther {
            world.fail("at most one leader writes", "epoch \(epoch) writes after epoch \(self.epoch)")
        }
        (self.epoch, self.holder) = (epoch, holder)
    }
}
