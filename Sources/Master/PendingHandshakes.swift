import NIOCore

/// The connections whose TLS handshake is not done, oldest first; bounded by making room. On one event loop.
///
/// A handshake takes milliseconds: where the bound is met, what has waited longest is the least likely to end well.
final class PendingHandshakes {
    private let countMax: Int
    private let perAddressMax: Int
    private var waiting: [(id: ObjectIdentifier, address: String, channel: any Channel)] = []
    private var counts: [String: Int] = [:]

    init(countMax: Int, perAddressMax: Int) {
        self.countMax = countMax
        self.perAddressMax = perAddressMax
    }

    var count: Int { waiting.count }

    /// Takes a connection in.
    /// - Returns: the one that has to go for it.
    func add(_ channel: any Channel, address: String) -> (any Channel)? {
        var victim: (any Channel)?
        if counts[address, default: 0] >= perAddressMax {
            victim = waiting.first { $0.address == address }?.channel
        } else if waiting.count >= countMax {
            victim = waiting.first?.channel
        }
        if let victim { remove(victim) }
        waiting.append((ObjectIdentifier(channel), address, channel))
        counts[address, default: 0] += 1
        return victim
    }

    /// Its handshake is done, or it has ended. Once more does nothing.
    func remove(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
        let address = waiting.remove(at: index).address
        counts[address] = counts[address].flatMap { $0 > 1 ? $0 - 1 : nil }
    }
}
