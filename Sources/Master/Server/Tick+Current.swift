import Glibc
import NIOCore
import PodlingCore

extension Tick {
    /// Now, by the clocks of the system.
    public static func current() -> Tick {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let wall = Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
        return Tick(wall: wall, monotonic: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000))
    }
}
