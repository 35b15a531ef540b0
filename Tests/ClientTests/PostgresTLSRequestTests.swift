import NIOCore
import NIOEmbedded
import PodlingTLS
import Testing

@testable import PodlingClient

/// What became of a handshake that was begun.
final class BegunHandshake {
    private(set) var result: Result<TLSHandshakeDone?, any Error>?

    init(_ future: EventLoopFuture<TLSHandshakeDone?>) { future.assumeIsolated().whenComplete { self.result = $0 } }

    var error: (any Error)? {
        guard case .failure(let error)? = result else { return nil }
        return error
    }

    static func security(timeoutSeconds: Int) throws -> ConnectionSecurity {
        var client = TLSClientConfiguration()
        client.mode = .require
        let context = try TLSContext(client: client)
        return ConnectionSecurity(context, host: try PeerName("localhost"), timeoutSeconds: timeoutSeconds)
    }
}

/// TLS asked for in the way of PostgreSQL, on a channel without a socket.
@Suite struct PostgresTLSRequestTests {
    private let channel = EmbeddedChannel()
    private let begun: BegunHandshake

    init() throws {
        let security = try BegunHandshake.security(timeoutSeconds: 3)
        begun = BegunHandshake(try PostgresTLSRequest.begin(channel, security, timeoutSeconds: 3))
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    private func sent() throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { all += bytes.readableBytesView }
        return all
    }

    private func receive(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    private var refusal: DoctorDial.Refusal? { begun.error as? DoctorDial.Refusal }

    @Test func itAsksAndThenBegins() throws {
        #expect(try sent() == [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
        try receive("S")
        #expect(begun.result == nil)
        // A handshake record (RFC 8446, section 5.1).
        #expect(try sent().first == 0x16)
        #expect(channel.isActive)
    }

    /// Somebody in between may have put there what follows the answer.
    @Test(arguments: [
        ("N", "has no TLS"), ("E", "does not answer as PostgreSQL"), ("HTTP/1.1 400", "does not answer as PostgreSQL"),
        ("SS", "does not answer as PostgreSQL"), ("S\u{16}", "does not answer as PostgreSQL"),
    ])
    func whatIsNoAnswerIsRefused(answer: String, words: String) throws {
        _ = try sent()
        try receive(answer)
        #expect(refusal?.text.contains(words) == true, "\(String(describing: begun.result))")
        #expect(!channel.isActive)
        #expect(try sent() == [])
    }

    @Test func silenceIsWaitedForUpToABound() {
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(5_999))
        #expect(begun.result == nil)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(refusal?.text.contains("did not answer within 6 s") == true)
    }

    /// The handshake behind the answer is no longer this handler's to wait for.
    @Test func theHandshakeHasADeadlineOfItsOwn() throws {
        try receive("S")
        channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect((begun.error as? TLSError)?.kind == .timeout)
        #expect(!channel.isActive)
    }

    @Test func anEndBeforeTheAnswerIsTold() {
        channel.close(promise: nil)
        channel.embeddedEventLoop.run()
        #expect(refusal?.text.contains("ended the connection") == true)
    }

    @Test func whatIsNoHandshakeBehindTheAnswerIsAnErrorOfTLS() throws {
        try receive("S")
        #expect(throws: TLSError.self) { try receive("no handshake, this") }
        #expect(begun.error is TLSError)
        #expect(!channel.isActive)
    }
}

/// The caller learns the outcome of the handshake; the handlers behind it see only its errors.
@Suite struct ConnectionSecurityTests {
    private final class Behind: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var errors: [any Error] = []
        var events: [Any] = []
        func errorCaught(context: ChannelHandlerContext, error: any Error) { errors.append(error) }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { events.append(event) }
    }

    private let channel = EmbeddedChannel()
    private let behind = Behind()
    private let begun: BegunHandshake

    init() throws {
        begun = BegunHandshake(try BegunHandshake.security(timeoutSeconds: 3).begin(channel))
        try channel.pipeline.syncOperations.addHandler(behind)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    @Test func plaintextIsOpenAtOnce() throws {
        let plain = EmbeddedChannel()
        let address = try MasterAddress(parsing: "127.0.0.1:1")
        let begun = BegunHandshake(try ConnectionSecurity(address, timeoutSeconds: 3).begin(plain))
        let result = try #require(begun.result)
        #expect(try result.get() == nil)
    }

    @Test func silenceIsWaitedForUpToABound() {
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(2_999))
        #expect(begun.result == nil && channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect((begun.error as? TLSError)?.kind == .timeout)
        #expect(behind.errors.count == 1)
        #expect(!channel.isActive)
    }

    @Test func whatIsNoHandshakeIsAnError() throws {
        try channel.writeInbound(ByteBuffer(string: "{\"ev\":\"hello\"}\n"))
        #expect(begun.error is TLSError)
        #expect(behind.errors.count == 1)
        #expect(!channel.isActive)
    }

    @Test func theEndOfWhatThePeerSendsIsTheEnd() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(begun.error is TLSError)
        #expect(behind.events.count == 1)
        #expect(!channel.isActive)
    }

    @Test func aConnectionThatIsClosedHereIsNotWaitedFor() {
        channel.close(promise: nil)
        channel.embeddedEventLoop.run()
        #expect(begun.error != nil)
        #expect(behind.errors.isEmpty)
    }
}
