import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import PodlingWorker

/// A socket that counts how often it is read from, and may have something to hand over then.
private final class ReadCounter: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart

    var ready: [HTTPClientResponsePart] = []
    private(set) var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
        guard !ready.isEmpty else { return }
        context.fireChannelRead(wrapInboundOut(ready.removeFirst()))
        context.fireChannelReadComplete()
    }
}

/// What became of something that was waited for.
private final class Outcome<Value> {
    private(set) var result: Result<Value, any Error>?

    init(_ future: EventLoopFuture<Value>) { future.assumeIsolated().whenComplete { self.result = $0 } }

    var value: Value? { try? result?.get() }
    var fault: EngineFault? {
        guard case .failure(let error)? = result else { return nil }
        return error as? EngineFault
    }
}

/// One request and its answer, on a channel without a socket.
@Suite struct EngineExchangeTests {
    private static let head = HTTPResponseHead(version: .http1_1, status: .ok)

    private let channel = EmbeddedChannel()
    private let socket = ReadCounter()
    private let exchange = EngineExchange()

    init() throws {
        try channel.pipeline.syncOperations.addHandlers(socket, exchange)
        channel.connect(to: try SocketAddress(unixDomainSocketPath: "/engine"), promise: nil)
    }

    private func nextHead() -> Outcome<HTTPResponseHead> { Outcome(exchange.nextHead(channel.eventLoop)) }
    private func nextBody() -> Outcome<ByteBuffer?> { Outcome(exchange.nextBody(channel.eventLoop)) }

    private static func bytes(_ text: String) -> HTTPClientResponsePart { .body(ByteBuffer(string: text)) }

    /// What one turn of the event loop reads.
    private func receive(_ parts: HTTPClientResponsePart...) {
        for part in parts { channel.pipeline.syncOperations.fireChannelRead(NIOAny(part)) }
        channel.pipeline.fireChannelReadComplete()
    }

    @Test func aRequestGoesOutWhole() throws {
        exchange.send(HTTPRequestHead(version: .http1_1, method: .POST, uri: "/x"), body: ByteBuffer(string: "b"))
        guard case .head(let head)? = try channel.readOutbound(as: HTTPClientRequestPart.self) else {
            Issue.record("no head was sent")
            return
        }
        #expect(head.uri == "/x")
        #expect(try channel.readOutbound(as: HTTPClientRequestPart.self) == .body(.byteBuffer(ByteBuffer(string: "b"))))
        #expect(try channel.readOutbound(as: HTTPClientRequestPart.self) == .end(nil))
    }

    @Test func nothingIsReadBeforeSomebodyWaits() {
        #expect(socket.count == 0)
        let head = nextHead()
        #expect(socket.count == 1)
        receive(.head(Self.head))
        #expect(head.value == Self.head)
        #expect(socket.count == 1)
    }

    @Test func theAnswersEndClosesTheConnection() {
        receive(.head(Self.head), Self.bytes("a"), Self.bytes("b"))
        #expect(nextHead().value == Self.head)
        #expect(nextBody().value == ByteBuffer(string: "ab"))
        let last = nextBody()
        #expect(last.result == nil)
        receive(.end(nil))
        #expect(last.value == .some(nil))
        #expect(!channel.isActive)
        #expect(nextBody().value == .some(nil))
    }

    /// Who is given a piece asks for the next from within that.
    @Test func noPieceIsGivenTwice() {
        var pieces: [String] = []
        let (exchange, loop) = (exchange, channel.eventLoop)
        func take() {
            exchange.nextBody(loop).assumeIsolated().whenSuccess { piece in
                guard let piece, pieces.count < 10 else { return }
                pieces.append(String(buffer: piece))
                take()
            }
        }
        take()
        receive(.head(Self.head), Self.bytes("a"))
        receive(Self.bytes("b"), .end(nil))
        #expect(pieces == ["a", "b"])
    }

    /// A socket that hands over at once what it has.
    @Test func aReadMayBeAnsweredFromWithin() {
        socket.ready = [.head(Self.head), Self.bytes("a"), .end(nil)]
        #expect(nextHead().value == Self.head)
        #expect(nextBody().value == ByteBuffer(string: "a"))
        #expect(nextBody().value == .some(nil))
        #expect(socket.count == 3)
        #expect(!channel.isActive)
    }

    @Test func onlyOneMayWait() {
        let first = nextHead()
        #expect(nextHead().fault == .readTwice)
        #expect(nextBody().fault == .readTwice)
        receive(.head(Self.head))
        #expect(first.value == Self.head)
    }

    @Test func interimAnswersAreSkippedUpToABound() {
        let interim = HTTPClientResponsePart.head(HTTPResponseHead(version: .http1_1, status: .continue))
        let head = nextHead()
        for _ in 0..<EngineExchange.interimAnswersMax { receive(interim) }
        #expect(head.result == nil)
        receive(interim)
        #expect(head.fault == .tooManyInterimAnswers)
        #expect(!channel.isActive)
    }

    @Test func anotherProtocolIsRefused() {
        let head = nextHead()
        receive(.head(HTTPResponseHead(version: .http1_1, status: .switchingProtocols)))
        #expect(head.fault == .switchedProtocols)
        #expect(!channel.isActive)
    }

    /// In the packet of the first, behind its good end.
    @Test func aSecondAnswerIsRefused() {
        receive(.head(Self.head), Self.bytes("a"), .end(nil), .head(Self.head))
        #expect(nextHead().value == Self.head)
        #expect(nextBody().value == ByteBuffer(string: "a"))
        #expect(nextBody().fault == .unaskedAnswer)
        #expect(!channel.isActive)
    }

    /// What came before the end is handed out; then whoever waits is told.
    @Test(arguments: [false, true]) func anEarlyEndIsAFailure(isWaiting: Bool) {
        receive(.head(Self.head), Self.bytes("a"))
        #expect(nextHead().value == Self.head)
        let waiting = isWaiting ? [nextBody(), nextBody()] : []
        channel.close(promise: nil)
        #expect(waiting.first.map { $0.value == ByteBuffer(string: "a") } ?? true)
        if !isWaiting { #expect(nextBody().value == ByteBuffer(string: "a")) }
        #expect(nextBody().fault == .closedEarly)
        channel.embeddedEventLoop.run()
        #expect(nextBody().fault == .closedEarly)
    }

    @Test func theEndOfWhatTheEngineSendsIsTheEnd() {
        let head = nextHead()
        channel.pipeline.fireChannelInactive()
        #expect(head.fault == .closedEarly)
        #expect(!channel.isActive)
    }

    @Test func theFirstErrorStands() {
        struct Broken: Error {}
        let head = nextHead()
        channel.pipeline.fireErrorCaught(Broken())
        guard case .failure(let error)? = head.result else {
            Issue.record("no failure was told")
            return
        }
        #expect(error is Broken)
        #expect(!channel.isActive)
        channel.pipeline.fireErrorCaught(EngineFault.shutDown)
        guard case .failure(let later)? = nextHead().result else {
            Issue.record("no failure was told")
            return
        }
        #expect(later is Broken)
    }

    /// After the connection is gone nothing is waited for.
    @Test func whoComesLateIsTold() {
        channel.close(promise: nil)
        channel.embeddedEventLoop.run()
        exchange.send(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/x"), body: nil)
        #expect(nextHead().fault == .closedEarly)
    }
}
