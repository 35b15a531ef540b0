import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import PodlingTLS

/// Notes in which order things come.
private final class Diary: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private(set) var entries: [String] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        entries.append(String(buffer: unwrapInboundIn(data)))
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is TLSHandshakeDone { entries.append("done") }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        entries.append("end")
        context.fireChannelInactive()
    }
}

/// A socket that does something within one of its flushes.
private final class Flushes: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer

    /// How many flushes with something to send go by before it.
    private var left: Int
    private var hasBytes = false
    private let act: (ChannelHandlerContext) -> Void

    init(after left: Int, _ act: @escaping (ChannelHandlerContext) -> Void) {
        self.left = left
        self.act = act
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        hasBytes = hasBytes || unwrapOutboundIn(data).readableBytes > 0
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        guard hasBytes else { return }
        hasBytes = false
        left -= 1
        if left == -1 { act(context) }
    }
}

/// Sockets that report back from within a flush.
@Suite struct HandlerReentranceTests {
    private let client: TLSContext
    private let server: TLSContext

    init() async throws {
        let workshop = try await onThread { try Workshop.shared.get() }
        client = try TLSContext(client: workshop.client())
        server = try TLSContext(server: workshop.server("good"))
    }

    private func pair() throws -> ChannelPair {
        try ChannelPair(
            client: TLSHandler(TLSEngine(client: client, host: PeerName("localhost"))),
            server: TLSHandler(TLSEngine(server: server))
        )
    }

    /// Whichever flush it is that finds the peer gone: nothing comes behind the end.
    @Test(arguments: 0..<4, [false, true]) func aSocketThatEndsWithinAFlush(_ flushes: Int, isServer: Bool) throws {
        let pair = try pair()
        let (end, diary) = (isServer ? pair.server : pair.client, Diary())
        let pipeline = end.channel.pipeline.syncOperations
        try pipeline.addHandler(Flushes(after: flushes) { $0.close(promise: nil) }, position: .first)
        try pipeline.addHandler(diary, position: .before(end.events))
        end.events.answerToDone = "at once"
        _ = pair.client.write("early")
        pair.carry()
        _ = pair.client.write("late")
        _ = pair.server.write("late")
        pair.carry()
        #expect(diary.entries.last == "end" || !diary.entries.contains("end"), "\(diary.entries)")
        #expect(diary.entries.filter { $0 == "done" }.count <= 1)
    }
}
