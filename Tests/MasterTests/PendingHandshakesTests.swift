import NIOEmbedded
import Testing

@testable import PodlingMaster

/// Who has to go where too many handshakes are not done.
@Suite struct PendingHandshakesTests {
    private let pending = PendingHandshakes(countMax: 4, perAddressMax: 2)

    private func add(_ channel: EmbeddedChannel, _ address: String) -> EmbeddedChannel? {
        pending.add(channel, address: address) as? EmbeddedChannel
    }

    @Test func theOldestOfAnAddressGoesFirst() {
        let (other, first, second, third) = (EmbeddedChannel(), EmbeddedChannel(), EmbeddedChannel(), EmbeddedChannel())
        #expect(add(other, "b") == nil)
        #expect(add(first, "a") == nil)
        #expect(add(second, "a") == nil)
        #expect(add(third, "a") === first)
        // It ends after that, and takes nobody along.
        pending.remove(first)
        #expect(add(first, "a") === second)
    }

    @Test func theOldestOfAllGoesWhereAllIsFull() {
        let channels = (0..<5).map { _ in EmbeddedChannel() }
        for (index, channel) in channels.dropLast().enumerated() { #expect(add(channel, "address \(index)") == nil) }
        #expect(add(channels[4], "address 4") === channels[0])
    }

    @Test func whoIsDoneMakesRoom() {
        let (first, second, third) = (EmbeddedChannel(), EmbeddedChannel(), EmbeddedChannel())
        #expect(add(first, "a") == nil)
        #expect(add(second, "a") == nil)
        pending.remove(first)
        pending.remove(first)
        #expect(add(third, "a") == nil)
    }
}
