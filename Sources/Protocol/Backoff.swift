/// Delays between tries: each is twice the last, up to a bound, and is spread over its upper half, so that many who failed
/// together do not come back together.
package struct Backoff: Sendable {
    private let milliseconds: ClosedRange<Int64>
    private var delayCount = 0

    /// - Parameter milliseconds: the first delay and the longest, before they are spread.
    package init(milliseconds: ClosedRange<Int64>) {
        self.milliseconds = milliseconds
    }

    /// The next try begins with the first delay again.
    package mutating func reset() { delayCount = 0 }

    /// How long to wait before the next try.
    ///
    /// - Parameter jitter: in 0..<1, drawn by the caller for each delay.
    package mutating func nextMilliseconds(jitter: Double) -> Int64 {
        defer { delayCount += 1 }
        return milliseconds(doublings: delayCount, jitter: jitter)
    }

    /// The same for whoever counts its tries itself.
    package func milliseconds(doublings: Int, jitter: Double) -> Int64 {
        let doublings = min(max(doublings, 0), Int64.bitWidth - 1)
        let (first, last) = (milliseconds.lowerBound, milliseconds.upperBound)
        return Self.spread(first > last >> doublings ? last : first << doublings, jitter: jitter)
    }

    /// From half of `milliseconds` to all of it.
    package static func spread(_ milliseconds: Int64, jitter: Double) -> Int64 {
        milliseconds / 2 + Int64(Double(milliseconds - milliseconds / 2) * jitter)
    }
}
