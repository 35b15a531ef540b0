import NIOConcurrencyHelpers
import NIOCore

/// The connections whose TLS handshake is not complete, oldest first; bounded by eviction.
///
/// A handshake takes milliseconds: where the bound is met, the one that has waited longest is the least likely to
/// succeed.
package final class PendingHandshakes: Sendable {
    struct Entry {
        let channel: any Channel
        let address: SocketAddress?
        fileprivate var id: ObjectIdentifier { ObjectIdentifier(channel) }
        fileprivate var host: String { address?.ipAddress ?? "" }
    }

    private struct Waiting {
        var entries: [Entry] = []
        /// By host.
        var counts: [String: Int] = [:]

        mutating func remove(at index: Int) -> Entry {
            let removed = entries.remove(at: index)
            counts[removed.host] = counts[removed.host].flatMap { $0 > 1 ? $0 - 1 : nil }
            return removed
        }
    }

    package static let countMaxDefault = 512
    package static let perAddressMaxDefault = 256

    private let countMax: Int
    private let perAddressMax: Int
    private let waiting = NIOLockedValueBox(Waiting())

    package init(countMax: Int = countMaxDefault, perAddressMax: Int = perAddressMaxDefault) {
        self.countMax = countMax
        self.perAddressMax = perAddressMax
    }

    /// Adds a connection.
    /// - Returns: the one that is evicted for it.
    func add(_ channel: any Channel, address: SocketAddress?) -> Entry? {
        let new = Entry(channel: channel, address: address)
        return waiting.withLockedValue { waiting in
            var victim: Int?
            if waiting.counts[new.host, default: 0] >= perAddressMax {
                victim = waiting.entries.firstIndex { $0.host == new.host }
            } else if waiting.entries.count >= countMax {
                victim = 0
            }
            let removed = victim.map { waiting.remove(at: $0) }
            waiting.entries.append(new)
            waiting.counts[new.host, default: 0] += 1
            return removed
        }
    }

    /// Removes a connection whose handshake is complete, or that has ended. Idempotent.
    func remove(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        // Otherwise the last reference might be released while the lock is held.
        let removed = waiting.withLockedValue { waiting in
            waiting.entries.firstIndex { $0.id == id }.map { waiting.remove(at: $0) }
        }
        withExtendedLifetime(removed) {}
    }
}
