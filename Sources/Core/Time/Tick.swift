/// An instant, by both clocks.
public struct Tick: Sendable, Equatable {
    /// Milliseconds since 1970 in UTC: human-readable times.
    public var wall: Int64
    /// Milliseconds of a monotonic clock: deadlines.
    public var monotonic: Int64

    public init(wall: Int64, monotonic: Int64) {
        self.wall = wall
        self.monotonic = monotonic
    }
}
