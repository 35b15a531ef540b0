/// Failed authentications by host, with an exponential back-off for the reply to the next failure.
///
/// A valid token is never delayed: peers behind one proxy or address do not suffer for each other, and a secret of 256
/// bits is not found by guessing. Only replies to failures are delayed.
package struct FailureTable: Sendable {
    /// Hosts in the table at most; a new one evicts the oldest.
    static let hostsMax = 4_096
    /// Failures that are answered without a delay.
    static let promptFailures = 3
    static let firstDelayMilliseconds: Int64 = 250
    static let delayMillisecondsMax: Int64 = 8_000
    /// A host's count starts over after this long without a failure.
    static let forgetMilliseconds: Int64 = 600_000

    private struct Entry {
        var failures: Int
        var last: Int64
    }

    private var entries: [String: Entry] = [:]
    /// A ring of the hosts in order of insertion.
    private var order: [String] = []
    private var oldest = 0

    package init() {}

    /// Records one failure.
    /// - Parameter now: monotonic milliseconds.
    /// - Returns: milliseconds by which to delay its reply.
    package mutating func failed(_ host: String, now: Int64) -> Int64 {
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
