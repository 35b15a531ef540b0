/// The hosts whose tokens were not accepted of late, and how long their next refusal is to wait.
///
/// A good token never waits: peers behind one proxy or address do not suffer for each other, and a secret of 256 bits
/// is not found by trying. What is slowed down is who tries.
public struct FailureTable: Sendable {
    /// Hosts known at once; the oldest goes.
    static let hostsMax = 4_096
    /// So many are refused at once.
    static let promptFailures = 3
    static let firstDelayMilliseconds: Int64 = 250
    static let delayMillisecondsMax: Int64 = 8_000
    /// A host begins anew after this long without a failure.
    static let forgetMilliseconds: Int64 = 600_000

    private struct Entry {
        var failures: Int
        var last: Int64
    }

    private var entries: [String: Entry] = [:]
    /// The hosts by the time they came.
    private var order: [String] = []
    private var oldest = 0

    public init() {}

    /// Notes one failure.
    /// - Parameter now: monotonic milliseconds.
    /// - Returns: milliseconds that its answer is to wait.
    public mutating func failed(_ host: String, now: Int64) -> Int64 {
        var entry = entries[host] ?? Entry(failures: 0, last: now)
        if now - entry.last > Self.forgetMilliseconds { entry.failures = 0 }
        entry.failures += 1
        entry.last = now
        if entries.updateValue(entry, forKey: host) == nil { keep(host) }
        let doublings = entry.failures - Self.promptFailures - 1
        guard doublings >= 0 else { return 0 }
        return min(Self.delayMillisecondsMax, Self.firstDelayMilliseconds << Int64(min(doublings, 16)))
    }

    private mutating func keep(_ host: String) {
        guard order.count == Self.hostsMax else { return order.append(host) }
        entries[order[oldest]] = nil
        order[oldest] = host
        oldest = (oldest + 1) % Self.hostsMax
    }

    var count: Int { entries.count }
}
