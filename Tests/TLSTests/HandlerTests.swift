import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import PodlingTLS

/// The handler on channels without a socket, with a clock that the test moves.
@Suite struct HandlerTests {
    private let client: TLSContext
    private let server: TLSContext

    init() async throws {
        let workshop = try await onThread { try Workshop.shared.get() }
        client = try TLSContext(client: workshop.client())
        server = try TLSContext(server: workshop.server("good"))
    }

    private func pair(_ limits: TLSHandlerLimits = TLSHandlerLimits(), host: String = "localhost") throws -> ChannelPair
    {
        try ChannelPair(
            client: TLSHandler(TLSEngine(client: client, host: PeerName(host)), limits: limits),
            server: TLSHandler(
                TLSEngine(server: server),
                limits: limits,
                answerToPlaintext: PlaintextAnswer(ByteBuffer(string: "tls_required\n"), isForSilence: true)
            )
        )
    }

    @Test func speaks() throws {
        let pair = try pair()
        let early = pair.client.write("early ")
        pair.carry()
        #expect(early.hasSucceeded)
        #expect(pair.client.events.doneVersion == "TLSv1.3")
        #expect(pair.server.events.doneVersion == "TLSv1.3")
        let long = String(repeating: "0123456789", count: 10_000)
        let written = pair.client.write(long)
        pair.carry()
        #expect(written.hasSucceeded)
        #expect(pair.server.heard() == "early " + long)
        let closed = pair.client.close()
        pair.carry()
        #expect(closed.hasSucceeded)
        #expect(!pair.server.channel.isActive)
        #expect(pair.client.events.errors.isEmpty)
        #expect(pair.server.events.errors.isEmpty)
    }

    @Test func handshakeHasADeadline() throws {
        let pair = try pair()
        pair.server.loop.advanceTime(by: .milliseconds(4_999))
        #expect(pair.server.channel.isActive)
        pair.server.loop.advanceTime(by: .milliseconds(1))
        #expect(!pair.server.channel.isActive)
        #expect(pair.server.events.errors.map(\.kind) == [.timeout])
        let says = pair.server.events.errors.first?.description
        #expect(says == "the client did not finish the TLS handshake within 5 s")
    }

    @Test func deadlineEndsWithTheHandshake() throws {
        let pair = try pair()
        pair.carry()
        pair.server.loop.advanceTime(by: .seconds(60))
        pair.client.loop.advanceTime(by: .seconds(60))
        #expect(pair.server.channel.isActive)
        #expect(pair.client.channel.isActive)
    }

    @Test func queueBeforeTheHandshakeIsBounded() throws {
        var limits = TLSHandlerLimits()
        limits.queuedBytesMax = 10
        let pair = try pair(limits)
        let (kept, refused) = (
            pair.client.write("0123456789"),
            pair.client.write("x")
        )
        #expect(refused.error is TLSError)
        #expect(kept.error is TLSError)
        #expect(!pair.client.channel.isActive)
    }

    @Test func peerThatNeverAnswersTheCloseIsNotWaitedFor() throws {
        let pair = try pair()
        pair.carry()
        let closed = pair.client.close()
        let again = pair.client.close()
        pair.client.loop.advanceTime(by: .milliseconds(1_999))
        #expect(pair.client.channel.isActive)
        pair.client.loop.advanceTime(by: .milliseconds(1))
        #expect(!pair.client.channel.isActive)
        #expect(closed.hasSucceeded)
        #expect(again.hasSucceeded)
        #expect(pair.client.events.errors.isEmpty)
        #expect(pair.client.write("x").error != nil)
    }

    @Test func writingAfterTheCloseDoesNotCutIt() throws {
        let pair = try pair()
        pair.carry()
        let closed = pair.client.close()
        #expect(pair.client.write("late").error is ChannelError)
        #expect(pair.client.channel.isActive)
        pair.carry()
        #expect(closed.hasSucceeded)
        #expect(pair.server.events.errors.isEmpty)
        #expect(pair.client.events.errors.isEmpty)
    }

    @Test func connectionThatGoesWhileClosingIsNoError() throws {
        let pair = try pair()
        pair.carry()
        let closed = pair.client.close()
        pair.client.channel.pipeline.fireChannelInactive()
        #expect(pair.client.events.errors.isEmpty)
        #expect(closed.hasSucceeded)
    }

    /// Writes in response to the handshake's end follow the earlier ones.
    @Test func queueKeepsItsOrder() throws {
        let pair = try pair()
        pair.client.events.answerToDone = "3"
        let early = ["1", "2"].map { pair.client.write($0) }
        pair.carry()
        for outcome in early { #expect(outcome.hasSucceeded) }
        #expect(pair.server.heard() == "123")
    }

    @Test func truncationIsAnError() throws {
        let pair = try pair()
        pair.carry()
        let written = pair.server.write("half")
        pair.carry()
        #expect(written.hasSucceeded)
        pair.client.channel.pipeline.fireChannelInactive()
        #expect(pair.client.heard() == "half")
        #expect(pair.client.events.errors.map(\.kind) == [.truncated])
    }

    @Test func wrongNameIsToldToBoth() throws {
        let pair = try pair(host: "db.example")
        let early = pair.client.write("secret")
        pair.carry()
        #expect(pair.client.events.errors.map(\.kind) == [.verification])
        #expect(pair.server.events.errors.map(\.kind) == [.alert(TLSAlert(42))])
        #expect(early.error is TLSError)
        #expect(pair.server.heard() == "")
        #expect(!pair.client.channel.isActive)
        #expect(!pair.server.channel.isActive)
    }

    @Test func plaintextIsAnsweredWithOneLine() throws {
        let pair = try pair()
        try pair.server.channel.writeInbound(ByteBuffer(string: #"{"op":"hello"}"# + "\n"))
        #expect(
            try pair.server.channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == "tls_required\n"
        )
        #expect(!pair.server.channel.isActive)
        #expect(pair.server.events.errors.map(\.kind) == [.notTLS(UInt8(ascii: "{"))])
    }

    @Test func halfClosingIsClosingOrRefused() throws {
        let pair = try pair()
        pair.carry()
        #expect(pair.client.close(.input).error is ChannelError)
        #expect(pair.client.channel.isActive)
        let closed = pair.client.close(.output)
        pair.carry()
        #expect(closed.hasSucceeded)
        #expect(!pair.client.channel.isActive)
        #expect(!pair.server.channel.isActive)
        #expect(pair.client.events.errors.isEmpty)
        #expect(pair.server.events.errors.isEmpty)
    }

    /// Where the server speaks first, a client without TLS waits for it.
    @Test func silenceIsAnsweredWithOneLine() throws {
        let pair = try pair()
        pair.server.loop.advanceTime(by: .seconds(5))
        var sent: [String] = []
        while let bytes = try pair.server.channel.readOutbound(as: ByteBuffer.self) {
            sent.append(String(buffer: bytes))
        }
        #expect(sent.joined() == "tls_required\n")
    }
}
