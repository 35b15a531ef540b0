import NIOCore
import NIOPosix
import PodlingTLS

/// A PostgreSQL server up to the login: it answers the SSLRequest.
final class FakePostgres: Sendable {
    private let channel: any Channel

    /// - Parameters:
    ///   - answer: to the request for TLS.
    ///   - tls: what comes after `S`.
    static func start(answer: String, tls: TLSContext? = nil) async throws -> FakePostgres {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FakePostgresHandler(answer, tls))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return FakePostgres(channel)
    }

    private init(_ channel: any Channel) { self.channel = channel }

    var port: Int { channel.localAddress?.port ?? 0 }

    func stop() async { try? await channel.close().get() }
}

private final class FakePostgresHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: String
    private let tls: TLSContext?
    private var isAsked = false

    init(_ answer: String, _ tls: TLSContext?) {
        self.answer = answer
        self.tls = tls
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAsked else { return context.fireChannelRead(data) }
        isAsked = true
        guard Array(unwrapInboundIn(data).readableBytesView) == [0, 0, 0, 8, 4, 210, 22, 47] else {
            return context.close(promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        guard let tls, let engine = try? TLSEngine(server: tls) else { return }
        try? context.pipeline.syncOperations.addHandler(TLSHandler(engine))
    }
}
