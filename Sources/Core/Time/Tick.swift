/// A moment, by both clocks.
public struct Tick: Sendable, Equatable {
    /// Milliseconds since 1970 in UTC: for people.
    public var wall: Int64
    /// Milliseconds of a clock that never steps: for deadlines.
    public var monotonic: Int64

    public init(wall: Int64, monotonic: Int64) {
        self.wall = wall
        self.monotonic = monotonic
    }
}
