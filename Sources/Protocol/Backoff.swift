/// Exponential back-off with jitter: each delay is twice the last, up to a bound, and is spread over its upper half, so
/// that many peers that failed together do not retry together.
package struct Backoff: Sendable {
    private let milliseconds: ClosedRange<Int64>
    private var delayCount = 0

    /// - Parameter milliseconds: the first delay and the longest, before they are spread.
    package init(milliseconds: ClosedRange<Int64>) {
        self.milliseconds = milliseconds
    }

    /// Starts over with the first delay.
    package mutating func reset() { delayCount = 0 }

    /// Returns the delay before the next try.
    ///
    /// - Parameter jitter: in 0..<1, drawn by the caller for each delay.
    package mutating func nextMilliseconds(jitter: Double) -> Int64 {
        defer { delayCount += 1 }
        return milliseconds(doublings: delayCount, jitter: jitter)
    }

    /// `nextMilliseconds` for a caller that counts its own tries.
    package func milliseconds(doublings: Int, jitter: Double) -> Int64 {
        let doublings = min(max(doublings, 0), Int64.bitWidth - 1)
        let (first, last) = (milliseconds.lowerBound, milliseconds.upperBound)
        return Self.spread(first > last >> doublings ? last : first << doublings, jitter: jitter)
    }

    /// Picks a delay between half of `milliseconds` and all of it.
    package static func spread(_ milliseconds: Int64, jitter: Double) -> Int64 {
        milliseconds / 2 + Int64(Double(milliseconds - milliseconds / 2) * jitter)
    }
}
