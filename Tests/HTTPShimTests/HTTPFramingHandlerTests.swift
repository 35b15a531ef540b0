import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import PodlingHTTP

/// Answers a request as soon as its end is read, from within that read.
private final class PromptResponder: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        context.write(wrapOutboundOut(.head(HTTPFramingHandlerTests.answer)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}

/// A socket that takes nothing, and says so.
private final class BrokenSocket: ChannelOutboundHandler {
    typealias OutboundIn = HTTPServerResponsePart

    struct Broken: Error {}

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        promise?.fail(Broken())
    }
}

/// A socket whose peer is gone, which a flush finds out.
private final class GoneSocket: ChannelOutboundHandler {
    typealias OutboundIn = HTTPServerResponsePart

    func flush(context: ChannelHandlerContext) { context.close(promise: nil) }
}

@Suite struct HTTPFramingHandlerTests {
    fileprivate static let answer = HTTPResponseHead(
        version: .http1_1,
        status: .ok,
        headers: ["transfer-encoding": "chunked", "connection": "keep-alive"]
    )

    private let channel = EmbeddedChannel()

    init() throws {
        try channel.pipeline.syncOperations.addHandler(HTTPFramingHandler())
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    private func ask(_ version: HTTPVersion = .http1_1, _ headers: HTTPHeaders = ["host": "a"]) throws {
        let head = HTTPRequestHead(version: version, method: .GET, uri: "/", headers: headers)
        try channel.writeInbound(HTTPServerRequestPart.head(head))
    }

    private func send(_ part: HTTPServerResponsePart) { channel.writeAndFlush(part, promise: nil) }

    private func asked() throws -> HTTPRequestHead? {
        guard case .head(let head)? = try channel.readInbound(as: HTTPServerRequestPart.self) else { return nil }
        return head
    }

    /// The heads that went out.
    private func answers() throws -> [HTTPResponseHead] {
        var heads: [HTTPResponseHead] = []
        while let part = try channel.readOutbound(as: HTTPServerResponsePart.self) {
            if case .head(let head) = part { heads.append(head) }
        }
        return heads
    }

    @Test func newRequestsAndTheirAnswersPassAsTheyAre() throws {
        try ask()
        #expect(try asked()?.headers == ["host": "a"])
        try channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(string: "b")))
        #expect(try channel.readInbound(as: HTTPServerRequestPart.self) == .body(ByteBuffer(string: "b")))
        send(.head(Self.answer))
        send(.end(nil))
        #expect(try answers() == [Self.answer])
        #expect(channel.isActive)
    }

    @Test(arguments: [([:], "localhost"), (["host": "b"], "b")] as [(HTTPHeaders, String)])
    func anOldRequestHasAHost(headers: HTTPHeaders, host: String) throws {
        try ask(.http1_0, headers)
        #expect(try asked()?.headers["host"] == [host])
    }

    @Test func theEndOfAnOldAnswerIsTheEndOfTheConnection() throws {
        try ask(.http1_0)
        send(.head(Self.answer))
        send(.body(.byteBuffer(ByteBuffer(string: "b"))))
        #expect(channel.isActive)
        send(.end(nil))
        #expect(!channel.isActive)
        let head = try #require(try answers().first)
        #expect(head.version == .http1_0)
        #expect(head.headers == ["connection": "close"])
    }

    @Test(arguments: ["100-continue", "100-Continue"]) func whoWaitsToSendIsAsked(expect: String) throws {
        try ask(.http1_1, ["host": "a", "expect": expect])
        #expect(try answers().map(\.status) == [.continue])
        #expect(try asked() != nil)
        // Its answer is an answer as any other.
        send(.head(Self.answer))
        send(.end(nil))
        #expect(try answers() == [Self.answer])
    }

    @Test func nothingIsReadOfAConnectionThatEndsBeforeItIsAsked() throws {
        try channel.pipeline.syncOperations.addHandler(GoneSocket(), position: .first)
        try ask(.http1_1, ["host": "a", "expect": "100-continue"])
        #expect(!channel.isActive)
        #expect(try asked() == nil)
    }

    @Test func nobodyIsAskedToSendBeforeItsTurn() throws {
        let headers: HTTPHeaders = ["host": "a", "expect": "100-continue"]
        try ask()
        try ask(.http1_1, headers)
        #expect(try answers() == [])
        let old = try HTTPFramingHandlerTests()
        try old.ask(.http1_0, headers)
        #expect(try old.answers() == [])
    }

    @Test func eachAnswerHasTheVersionOfItsRequest() throws {
        try ask()
        try ask(.http1_0)
        for _ in 1...2 {
            #expect(channel.isActive)
            send(.head(Self.answer))
            send(.end(nil))
        }
        #expect(try answers().map(\.version) == [.http1_1, .http1_0])
        #expect(!channel.isActive)
    }

    /// Answers from within the read of the request.
    @Test(arguments: [HTTPVersion.http1_0, .http1_1]) func anAnswerFromWithinTheRead(_ version: HTTPVersion) throws {
        try channel.pipeline.syncOperations.addHandler(PromptResponder())
        for _ in 1...2 where channel.isActive {
            try ask(version, ["host": "a", "expect": "100-continue"])
            try channel.writeInbound(HTTPServerRequestPart.end(nil))
        }
        let statuses = try answers().map(\.status)
        #expect(statuses == (version == .http1_0 ? [.ok] : [.continue, .ok, .continue, .ok]))
        #expect(channel.isActive == (version == .http1_1))
    }

    /// Whoever waits for the end to be sent is not told that it was.
    @Test func anEndThatCannotBeSentIsNoSuccess() throws {
        try channel.pipeline.syncOperations.addHandler(BrokenSocket(), position: .first)
        try ask(.http1_0)
        var isSent: Bool?
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).assumeIsolated().whenComplete { result in
            isSent = (try? result.get()) != nil
        }
        #expect(isSent == false)
        #expect(!channel.isActive)
    }

    @Test func theEndOfWhatThePeerSendsAndErrorsPass() throws {
        final class Witness: ChannelInboundHandler {
            typealias InboundIn = HTTPServerRequestPart
            var events: [ChannelEvent] = []
            var errorCount = 0
            func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
                if let event = event as? ChannelEvent { events.append(event) }
            }
            func errorCaught(context: ChannelHandlerContext, error: any Error) { errorCount += 1 }
        }
        let witness = Witness()
        try channel.pipeline.syncOperations.addHandler(witness)
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        channel.pipeline.fireErrorCaught(BrokenSocket.Broken())
        #expect(witness.events == [.inputClosed])
        #expect(witness.errorCount == 1)
        #expect(channel.isActive)
    }
}
