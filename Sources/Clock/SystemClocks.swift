import Glibc

/// The monotonic clock, for time-outs and deadlines: nobody can set it.
package enum MonotonicClock {
    package static func milliseconds() -> Int { Int(SystemClock.milliseconds(CLOCK_MONOTONIC)) }
}

/// The wall clock: it jumps when somebody sets the machine's clock.
package enum WallClock {
    /// Milliseconds since 1970, UTC.
    package static func milliseconds() -> Int64 { SystemClock.milliseconds(CLOCK_REALTIME) }
}

private enum SystemClock {
    static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
