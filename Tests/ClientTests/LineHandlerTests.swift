import NIOCore
import NIOEmbedded
import Testing

@testable import PodlingClient

/// Counts the reads that reach a handler further out.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}

struct LineHandlerTests {
    private let channel = EmbeddedChannel()

    private func text(_ lines: LineHandler.Producer, _ count: Int) async throws -> [String] {
        let iterator = lines.makeAsyncIterator()
        var result: [String] = []
        while result.count < count, let line = try await iterator.next() {
            result.append(String(decoding: line, as: UTF8.self))
        }
        return result
    }

    @Test(arguments: [
        ["{\"a\":1}\n"], ["{\"a\"", ":1}", "\n"], ["{\"a\":1}\r\n"], ["\n \n{\"a\":1}\n"], ["{\"a\":1}\n{\"b\""],
    ])
    func cutsLines(_ chunks: [String]) async throws {
        let handler = LineHandler { _ in }
        let lines = handler.makeSequence(on: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(handler)
        for chunk in chunks { try channel.writeInbound(ByteBuffer(string: chunk)) }
        #expect(try await text(lines, 1) == ["{\"a\":1}"])
    }

    @Test func aLineTooLongEndsTheConnectionAfterTheLinesBeforeIt() async throws {
        var reason: LineConnectionError?
        let handler = LineHandler(lineBytesMax: 4) { reason = $0 }
        let lines = handler.makeSequence(on: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.writeInbound(ByteBuffer(string: "1234\n12345\n"))
        #expect(reason == .lineTooLong(bytesMax: 4))
        let iterator = lines.makeAsyncIterator()
        #expect(try await iterator.next() == Array("1234".utf8))
        await #expect(throws: LineConnectionError.lineTooLong(bytesMax: 4)) { try await iterator.next() }
    }

    @Test func theEndOfTheStreamEndsTheLinesAndDropsAPartialOne() async throws {
        var reason: LineConnectionError?
        let handler = LineHandler { reason = $0 }
        let lines = handler.makeSequence(on: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.writeInbound(ByteBuffer(string: "one\ntw"))
        channel.pipeline.fireChannelInactive()
        #expect(reason == .closedByPeer)
        #expect(try await text(lines, 2) == ["one"])
    }

    @Test func readingStopsWhileTheConsumerLagsAndGoesOnAfter() async throws {
        let counter = ReadCounter()
        let handler = LineHandler { _ in }
        let lines = handler.makeSequence(on: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandlers(counter, handler)
        channel.read()
        #expect(counter.count == 1)
        let many = String(repeating: "x\n", count: LineHandler.unreadLinesHigh)
        try channel.writeInbound(ByteBuffer(string: many))
        channel.read()
        #expect(counter.count == 1)
        handler.consumerWantsMore()
        #expect(counter.count == 2)
        withExtendedLifetime(lines) {}
    }

    /// The first reason counts, and is reported once, even where the callback ends the connection itself.
    @Test func anErrorEndsTheConnectionOnce() async throws {
        struct Broken: Error {}
        var reasons: [LineConnectionError] = []
        weak var known: LineHandler?
        let handler = LineHandler { reason in
            reasons.append(reason)
            known?.end(.closedLocally)
        }
        known = handler
        let lines = handler.makeSequence(on: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(handler)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        try channel.writeInbound(ByteBuffer(string: "one\ntw"))
        channel.pipeline.fireErrorCaught(Broken())
        #expect(!channel.isActive)
        channel.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel)
        try channel.writeInbound(ByteBuffer(string: "o\n"))
        #expect(reasons == [.failed("Broken()")])
        let iterator = lines.makeAsyncIterator()
        #expect(try await iterator.next() == Array("one".utf8))
        await #expect(throws: LineConnectionError.failed("Broken()")) { try await iterator.next() }
    }

    @Test func whoLeavesTheLinesEndsTheConnection() throws {
        var reasons: [LineConnectionError] = []
        let handler = LineHandler { reasons.append($0) }
        var lines: LineHandler.Producer? = handler.makeSequence(on: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(handler)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        #expect(lines != nil)
        lines = nil
        channel.embeddedEventLoop.run()
        #expect(reasons == [.closedLocally])
        #expect(!channel.isActive)
    }

    /// A socket that ends within the read that the consumer asked for.
    @Test func anEndFromWithinARead() throws {
        final class Ending: ChannelOutboundHandler {
            typealias OutboundIn = ByteBuffer
            func read(context: ChannelHandlerContext) { context.close(promise: nil) }
        }
        var reasons: [LineConnectionError] = []
        let handler = LineHandler { reasons.append($0) }
        let lines = handler.makeSequence(on: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandlers(Ending(), handler)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        try channel.writeInbound(ByteBuffer(string: String(repeating: "x\n", count: LineHandler.unreadLinesHigh)))
        channel.read()
        #expect(reasons == [])
        handler.consumerWantsMore()
        #expect(reasons == [.closedByPeer])
        handler.consumerWantsMore()
        withExtendedLifetime(lines) {}
    }
}
