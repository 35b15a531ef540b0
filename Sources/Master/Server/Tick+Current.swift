import NIOCore
import PodlingClock
import PodlingCore

extension Tick {
    /// Now, by the clocks of the system.
    public static func current() -> Tick {
        Tick(wall: WallClock.milliseconds(), monotonic: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000))
    }
}
