/// Delays between tries, doubling up to a bound, each drawn at random from the upper half ("equal jitter").
struct Backoff {
    static let delayMillisecondsMin = 100
    static let delayMillisecondsMax = 5000
    private(set) var failureCount = 0

    mutating func reset() { failureCount = 0 }

    /// - Returns: milliseconds to wait before the next try.
    mutating func next(using generator: inout some RandomNumberGenerator) -> Int {
        let doublings = min(failureCount, 10)
        failureCount += 1
        let bound = min(Self.delayMillisecondsMin << doublings, Self.delayMillisecondsMax)
        return Int.random(in: (bound / 2)...bound, using: &generator)
    }
}
