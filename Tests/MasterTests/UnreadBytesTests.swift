import Logging
import NIOCore
import NIOEmbedded
import PodlingCore
import PodlingStore
import Testing

@testable import PodlingMaster
@testable import PodlingShell

/// What all connections together were sent and have not read is bounded.
@Suite struct UnreadBytesTests {
    private final class DeafPeer: SessionSink {
        let shell: MasterShell
        var isQueued = false
        let peerName = ""
        let credentials = PeerCredentials.none
        private(set) var unreadBytes = 0
        private(set) var isClosed = false

        init(_ shell: MasterShell, unreadBytes: Int) {
            self.shell = shell
            change(to: unreadBytes)
        }

        func closeUnread(_ why: String) {
            isClosed = true
            change(to: 0)
        }

        private func change(to bytes: Int) {
            shell.unread.change(from: unreadBytes, to: bytes)
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
        configuration.limits.unreadBytesTotalMax = 1_000
        let (shell, _) = MasterLoop.shell(
            configuration: configuration,
            store: MemoryStore(),
            eventLoop: EmbeddedEventLoop(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let peers = [300, 500, 200, 400].map { DeafPeer(shell, unreadBytes: $0) }
        for peer in peers { _ = shell.open(peer) }
        shell.endTurn()
        #expect(peers.map(\.isClosed) == [false, true, false, false])
        #expect(shell.unread.total == 900)
        #expect(shell.unread.share == 100)
        shell.endTurn()
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
