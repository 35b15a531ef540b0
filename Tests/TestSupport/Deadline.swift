import Glibc

/// A point on the monotonic clock after which waiting ends.
public struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant

    public static func after(seconds: Double) -> Deadline {
        Deadline(instant: .now + .milliseconds(Int64(seconds * 1_000)))
    }

    public var hasPassed: Bool { ContinuousClock.now >= instant }

    /// What is left, for `poll(2)`: at least 0.
    public var millisecondsLeft: Int32 {
        let left = ContinuousClock.now.duration(to: instant) / .milliseconds(1)
        return Int32(clamping: Int64(max(0, left.rounded(.up))))
    }

    /// Waits for it: for the pace of a load, and never for something to have happened.
    public func elapse() { while !hasPassed { _ = Glibc.poll(nil, 0, millisecondsLeft) } }

    /// Asks again every 5 ms until `condition` gives a value or the deadline has passed: for what cannot be
    /// waited on, such as a file that another process writes.
    public func poll<Value>(_ condition: () throws -> Value?) rethrows -> Value? {
        let intervalMilliseconds: Int32 = 5
        while true {
            if let value = try condition() { return value }
            if hasPassed { return nil }
            _ = Glibc.poll(nil, 0, min(intervalMilliseconds, millisecondsLeft))
        }
    }
}
