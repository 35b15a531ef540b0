import Logging
import NIOCore
import NIOEmbedded
import PodlingCore
import PodlingStore
import PodlingTLS
import Testing

@testable import PodlingMaster

/// What all connections together were sent and have not read is bounded.
@Suite struct UnreadBytesTests {
    private final class DeafPeer: SessionSink {
        let loop: MasterLoop
        var isQueued = false
        let peerName = ""
        let certificate: CertificateFacts? = nil
        private(set) var unreadBytes = 0
        private(set) var isClosed = false

        init(_ loop: MasterLoop, unreadBytes: Int) {
            self.loop = loop
            change(to: unreadBytes)
        }

        func closeUnread(_ why: String) {
            isClosed = true
            change(to: 0)
        }

        private func change(to bytes: Int) {
            loop.unread.change(from: unreadBytes, to: bytes)
            unreadBytes = bytes
        }

        func resume() {}
        func deliver(_ lines: UnsafeRawBufferPointer) {}
        func flush() {}
        func closeIfDone() -> HalfClosedSessions.Outcome { .waitsForTurn }
        func close() {}
        func sweep(now: Tick) {}
        func wasStalled(milliseconds: Int64) {}
    }

    @Test func whoHasReadLeastIsClosedFirst() {
        var configuration = MasterConfiguration(
            core: CoreConfiguration(server: "podling-master/test", epoch: "e1", firstTaskID: TaskID(number: 1))
        )
        configuration.unreadBytesTotalMax = 1_000
        let loop = MasterLoop(
            configuration: configuration,
            store: MemoryStore(),
            eventLoop: EmbeddedEventLoop(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let peers = [300, 500, 200, 400].map { DeafPeer(loop, unreadBytes: $0) }
        for peer in peers { _ = loop.open(peer) }
        loop.endTurn()
        #expect(peers.map(\.isClosed) == [false, true, false, false])
        #expect(loop.unread.total == 900)
        #expect(loop.unread.share == 100)
        loop.endTurn()
        #expect(peers.count { $0.isClosed } == 1)
    }

    /// However many want all of it, the next finds some.
    @Test func eachMayHaveAsMuchAsIsFree() {
        var bytes = SharedBytes(bytesMax: 1_200)
        var held = [0, 0, 0]
        for _ in 0..<2_000 {
            for index in held.indices where held[index] < bytes.share {
                bytes.change(from: held[index], to: held[index] + 1)
                held[index] += 1
            }
        }
        #expect(held == [300, 300, 300] && bytes.share == 300)
    }
}
