import NIOCore
import NIOPosix
import PodlingClient
import Testing

@Suite(.timeLimit(.minutes(5)))
struct LineConnectionTests {
    @Test func linesKeepTheirOrderAndLeaveBeforeTheClose() async throws {
        let master = try await FakeMaster.start { _ in [] }
        let connection = try await LineConnection.connect(to: master.address)
        for number in 0..<1000 {
            // Half of them bring their own line end.
            connection.send(Array("{\"op\":\"x\",\"id\":\(number)}\(number % 2 == 0 ? "" : "\n")".utf8))
        }
        connection.close()
        #expect(await connection.waitUntilClosed() == .closedLocally)
        while master.requests.count < 1000 { await Task.yield() }
        #expect(master.requests.map(\.id) == (0..<1000).map { "\($0)" })
        await #expect(throws: LineConnectionError.closedLocally) { try await connection.sendAndFlush([]) }
    }

    @Test func aFlushedLineHasLeft() async throws {
        let master = try await FakeMaster.start { request in [request.ok("{}")] }
        let connection = try await LineConnection.connect(to: master.address)
        try await connection.sendAndFlush(Array(#"{"op":"x","id":1}"#.utf8))
        var lines = connection.inbound.makeAsyncIterator()
        #expect(try await lines.next() == Array(FakeMaster.greeting.utf8))
        #expect(try await lines.next() == Array(#"{"re":1,"ok":{}}"#.utf8))
        connection.close()
        #expect(try await lines.next() == nil)
    }

    @Test func thePeersCloseEndsTheLines() async throws {
        let master = try await FakeMaster.start { _ in [.close] }
        let connection = try await LineConnection.connect(to: master.address)
        connection.send(Array(#"{"op":"x"}"#.utf8))
        var count = 0
        for try await _ in connection.inbound { count += 1 }
        #expect(count == 1)
        #expect(connection.closedReason == .closedByPeer)
    }

    @Test func aPeerThatNeverReadsIsGivenUp() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0).get()
        let address = MasterAddress(host: "127.0.0.1", port: server.localAddress?.port ?? 0)
        let connection = try await LineConnection.connect(to: address)
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 64 * 1024)
        // More than the bound and all that the sockets' buffers may take.
        for _ in 0..<1024 where connection.closedReason == nil { connection.send(line) }
        let overflow = LineConnectionError.sendOverflow(bytesMax: LineConnection.unsentBytesMax)
        #expect(await connection.waitUntilClosed() == overflow)
        await #expect(throws: overflow) { for try await _ in connection.inbound {} }
        try await server.close().get()
    }
}
