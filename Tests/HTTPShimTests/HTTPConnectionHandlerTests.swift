import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Testing

@testable import PodlingHTTP
@testable import PodlingTLS

@Suite struct HTTPConnectionHandlerTests {
    private static let probe = "/health"
    private static let tasks = "/api/v1/tasks"

    private let loop = EmbeddedEventLoop()

    private func open(_ connections: HTTPConnections) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandler(HTTPConnectionHandler(connections))
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        return channel
    }

    private func ask(_ channel: EmbeddedChannel, _ path: String = tasks) throws {
        let head = HTTPRequest(method: .get, scheme: "http", authority: "a", path: path)
        try channel.writeInbound(HTTPRequestPart.head(head))
        try channel.writeInbound(HTTPRequestPart.end(nil))
    }

    private func answer(_ channel: EmbeddedChannel) {
        channel.write(HTTPResponsePart.head(HTTPResponse(status: .ok)), promise: nil)
        channel.writeAndFlush(HTTPResponsePart.end(nil), promise: nil)
    }

    /// How many parts were passed on.
    private func passed(_ channel: EmbeddedChannel) throws -> Int {
        var count = 0
        while try channel.readInbound(as: HTTPRequestPart.self) != nil { count += 1 }
        return count
    }

    private func answers(_ channel: EmbeddedChannel) throws -> [HTTPResponse] {
        var heads: [HTTPResponse] = []
        while let part = try channel.readOutbound(as: HTTPResponsePart.self) {
            if case .head(let head) = part { heads.append(head) }
        }
        return heads
    }

    @Test func requestsAndTheirAnswersPass() throws {
        let channel = try open(HTTPConnections(requestsMax: 1))
        for _ in 1...3 {
            try ask(channel)
            #expect(try passed(channel) == 2)
            answer(channel)
            #expect(try answers(channel).map(\.status) == [.ok])
        }
    }

    @Test func oneRequestTooManyIsRefusedAndItsConnectionEnds() throws {
        let connections = HTTPConnections(requestsMax: 1)
        let (first, second) = (try open(connections), try open(connections))
        try ask(first)
        try ask(second)
        #expect(try passed(second) == 0)
        let refusal = try #require(try answers(second).first)
        #expect(refusal.status == .serviceUnavailable)
        #expect(refusal.headerFields[.connection] == "close")
        #expect(refusal.headerFields[.retryAfter] != nil)
        // It has time to read that, and is asked nothing more.
        try ask(second, Self.probe)
        #expect(try passed(second) == 0)
        loop.advanceTime(by: .milliseconds(999))
        #expect(second.isActive)
        loop.advanceTime(by: .milliseconds(1))
        #expect(!second.isActive)
        #expect(first.isActive)
    }

    @Test func whoIsRefusedMayLeaveByItself() throws {
        let connections = HTTPConnections(requestsMax: 0)
        let channel = try open(connections)
        try ask(channel)
        channel.close(promise: nil)
        loop.advanceTime(by: .seconds(2))
        #expect(!channel.isActive)
    }

    @Test func probesPassWhereNoRequestMay() throws {
        let channel = try open(HTTPConnections(requestsMax: 0))
        try ask(channel, Self.probe)
        #expect(try passed(channel) == 2)
        answer(channel)
        #expect(try answers(channel).map(\.status) == [.ok])
    }

    /// Behind an answer that is due no other can be sent.
    @Test func aRequestTooManyBehindAnotherEndsTheConnection() throws {
        let channel = try open(HTTPConnections(requestsMax: 0))
        try ask(channel, Self.probe)
        try ask(channel)
        #expect(!channel.isActive)
        #expect(try answers(channel) == [])
        answer(channel)
        loop.advanceTime(by: .seconds(2))
    }

    @Test func anAnswerOrAnEndMakesRoom() throws {
        let connections = HTTPConnections(requestsMax: 1)
        let (first, second) = (try open(connections), try open(connections))
        try ask(first)
        try ask(first)
        answer(first)
        let early = try open(connections)
        try ask(early)
        #expect(try passed(early) == 0)
        answer(first)
        try ask(second)
        #expect(try passed(second) == 2)
        second.close(promise: nil)
        loop.run()
        try ask(first)
        #expect(try passed(first) == 6)
    }

    @Test func whoWasIdleLongestMakesRoomForOneMore() throws {
        let connections = HTTPConnections(requestsMax: 1)
        let full = try (0...HTTPConnections.reservedForProbes).map { _ in try open(connections) }
        try ask(full[0])
        try ask(full[1], Self.probe)
        answer(full[1])
        let late = try open(connections)
        #expect(full.filter { !$0.isActive }.map(ObjectIdentifier.init) == [ObjectIdentifier(full[2])])
        #expect(late.isActive)
    }

    @Test func oneMoreGoesItselfWhereNobodyIsIdle() throws {
        let connections = HTTPConnections(requestsMax: 0)
        let full = try (0..<HTTPConnections.reservedForProbes).map { _ in try open(connections) }
        for channel in full { try ask(channel, Self.probe) }
        // Refused before it is active, and this kind of channel would be active after that.
        let late = EmbeddedChannel(loop: loop)
        try late.pipeline.syncOperations.addHandler(HTTPConnectionHandler(connections))
        var isClosed = false
        late.closeFuture.assumeIsolated().whenComplete { _ in isClosed = true }
        loop.run()
        #expect(isClosed)
        #expect(full.filter { !$0.isActive }.isEmpty)
    }

    /// Framing is looked at where parts still have their version.
    @Test func framingStandsBeforeTheTypesOfTheRoutes() throws {
        let channel = EmbeddedChannel(loop: loop)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try pipeline.addHandler(HTTPConnectionHandler(HTTPConnections(requestsMax: 1)))
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        let head = HTTPRequestHead(version: .http1_0, method: .GET, uri: Self.tasks)
        try channel.writeInbound(HTTPServerRequestPart.head(head))
        guard case .head(let request)? = try channel.readInbound(as: HTTPRequestPart.self) else {
            Issue.record("no request came")
            return
        }
        #expect(request.authority == "localhost")
        answer(channel)
        #expect(!channel.isActive)
    }
}

@Suite struct StalledConnectionHandlerTests {
    private let channel = EmbeddedChannel()

    init() throws {
        try channel.pipeline.syncOperations.addHandler(StalledConnectionHandler())
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    @Test func aConnectionWithoutABytesMoveEnds() throws {
        // The handler of NIO looks at the clock of the system, and at this loop for when to.
        let idle = IdleStateHandler(allTimeout: .nanoseconds(1))
        try channel.pipeline.syncOperations.addHandler(idle, position: .first)
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
        #expect(!channel.isActive)
    }

    @Test func whatElseHappensPasses() throws {
        let events = Events()
        try channel.pipeline.syncOperations.addHandler(events)
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        try channel.writeInbound(ByteBuffer(string: "a"))
        #expect(channel.isActive)
        #expect(events.all.count == 1)
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "a"))
    }
}

@Suite struct PeerCertificateHandlerTests {
    @Test func theEndOfTheHandshakePasses() throws {
        let (channel, handler, events) = (EmbeddedChannel(), PeerCertificateHandler(), Events())
        try channel.pipeline.syncOperations.addHandlers(handler, events)
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        channel.pipeline.fireUserInboundEventTriggered(TLSHandshakeDone(version: "TLSv1.3", peerCertificate: nil))
        #expect(events.all.count == 2)
        #expect(events.all.last is TLSHandshakeDone)
        #expect(handler.certificate == nil)
        try channel.writeInbound(ByteBuffer(string: "a"))
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "a"))
    }
}

/// Notes the events that were passed on.
private final class Events: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    var all: [Any] = []
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { all.append(event) }
}
