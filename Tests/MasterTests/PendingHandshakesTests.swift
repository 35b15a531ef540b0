import NIOCore
import NIOEmbedded
import Testing

@testable import PodlingMaster

/// Who has to go where too many handshakes are not done.
@Suite struct PendingHandshakesTests {
    private let pending = PendingHandshakes(countMax: 4, perAddressMax: 2)

    private func add(_ channel: EmbeddedChannel, _ address: String) throws -> EmbeddedChannel? {
        pending.add(channel, address: try SocketAddress(ipAddress: address, port: 1))?.channel as? EmbeddedChannel
    }

    @Test func theOldestOfAnAddressGoesFirst() throws {
        let (other, first, second, third) = (EmbeddedChannel(), EmbeddedChannel(), EmbeddedChannel(), EmbeddedChannel())
        #expect(try add(other, "10.0.0.2") == nil)
        #expect(try add(first, "10.0.0.1") == nil)
        #expect(try add(second, "10.0.0.1") == nil)
        #expect(try add(third, "10.0.0.1") === first)
        // It ends after that, and takes nobody along.
        pending.remove(first)
        #expect(try add(first, "10.0.0.1") === second)
    }

    @Test func theOldestOfAllGoesWhereAllIsFull() throws {
        let channels = (0..<5).map { _ in EmbeddedChannel() }
        for (index, channel) in channels.dropLast().enumerated() { #expect(try add(channel, "10.0.1.\(index)") == nil) }
        #expect(try add(channels[4], "10.0.1.4") === channels[0])
    }

    @Test func whoIsDoneMakesRoom() throws {
        let (first, second, third) = (EmbeddedChannel(), EmbeddedChannel(), EmbeddedChannel())
        #expect(try add(first, "10.0.0.1") == nil)
        #expect(try add(second, "10.0.0.1") == nil)
        pending.remove(first)
        pending.remove(first)
        #expect(try add(third, "10.0.0.1") == nil)
    }
}
