/// Growing waits with jitter, so that several masters do not come in step.
struct Backoff {
    private let milliseconds: ClosedRange<Int>
    private var bound: Int

    init(milliseconds: ClosedRange<Int>) {
        self.milliseconds = milliseconds
        bound = milliseconds.lowerBound
    }

    mutating func reset() { bound = milliseconds.lowerBound }

    /// - Returns: milliseconds to wait before the next try.
    mutating func next() -> Int {
        defer { bound = min(bound * 2, milliseconds.upperBound) }
        return Int.random(in: bound / 2...bound)
    }
}
