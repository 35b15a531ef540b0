import NIOConcurrencyHelpers
import NIOCore

/// The connections whose TLS handshake is not complete, oldest first; bounded by eviction.
///
/// A handshake takes milliseconds: where the bound is met, the one that has waited longest is the least likely to
/// succeed.
package final class PendingHandshakes: Sendable {
    private struct Waiting {
        var channels: [(id: ObjectIdentifier, address: String, channel: any Channel)] = []
        var counts: [String: Int] = [:]

        mutating func remove(at index: Int) -> any Channel {
            let removed = channels.remove(at: index)
            counts[removed.address] = counts[removed.address].flatMap { $0 > 1 ? $0 - 1 : nil }
            return removed.channel
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
    func add(_ channel: any Channel, address: String) -> (any Channel)? {
        waiting.withLockedValue { waiting in
            var victim: Int?
            if waiting.counts[address, default: 0] >= perAddressMax {
                victim = waiting.channels.firstIndex { $0.address == address }
            } else if waiting.channels.count >= countMax {
                victim = 0
            }
            let removed = victim.map { waiting.remove(at: $0) }
            waiting.channels.append((ObjectIdentifier(channel), address, channel))
            waiting.counts[address, default: 0] += 1
            return removed
        }
    }

    /// Removes a connection whose handshake is complete, or that has ended. Idempotent.
    func remove(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        // Otherwise the last reference might be released while the lock is held.
        let removed = waiting.withLockedValue { waiting in
            waiting.channels.firstIndex { $0.id == id }.map { waiting.remove(at: $0) }
        }
        withExtendedLifetime(removed) {}
    }
}
