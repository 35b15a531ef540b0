/// An instant, by both clocks.
package struct Tick: Sendable, Equatable {
    /// Milliseconds since 1970 in UTC: human-readable times.
    package var wall: Int64
    /// Milliseconds of a monotonic clock: deadlines.
    package var monotonic: Int64

    package init(wall: Int64, monotonic: Int64) {
        self.wall = wall
        self.monotonic = monotonic
    }
}
