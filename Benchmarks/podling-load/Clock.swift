import Glibc

/// Nanoseconds of the monotonic clock.
@inline(__always)
func nanosecondsNow() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

func nanoseconds(_ seconds: Double) -> UInt64 { UInt64(seconds * 1e9) }
