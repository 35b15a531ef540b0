import NIOCore
import PodlingClock
import PodlingCore

extension Tick {
    /// The present, by the system's clocks.
    package static func current() -> Tick {
        Tick(wall: WallClock.milliseconds(), monotonic: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000))
    }
}
