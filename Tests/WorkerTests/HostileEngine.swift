import FoundationEssentials
import NIOCore
import NIOPosix
import Synchronization

@testable import PodlingWorker

/// A server on a unix socket that answers each request with bytes that need be no HTTP.
final class HostileEngine: Sendable {
    enum Behaviour: Sendable {
        /// The bytes, and then the end of the connection.
        case closes(String)
        /// The bytes, and then silence.
        case holds(String)
        /// The first bytes, then the second again and again for as long as they are taken.
        case repeats(String, String)
        /// One byte in each packet, and then silence.
        case drips(String)
    }

    private let behaviour: Behaviour
    private let openConnections = Mutex<[ObjectIdentifier: any Channel]>([:])
    private let writtenBytes = Atomic(0)

    init(_ behaviour: Behaviour) { self.behaviour = behaviour }

    /// Bytes that the kernel has taken.
    var written: Int { writtenBytes.load(ordering: .relaxed) }

    /// Returns when the clients have closed all connections.
    func allAreClosed() async {
        for channel in openConnections.withLock({ Array($0.values) }) { try? await channel.closeFuture.get() }
    }

    func run(
        bodyBytesMax: Int = EngineHTTP.bodyBytesMax,
        _ body: @Sendable (EngineHTTP) async throws -> Void
    ) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString.prefix(8)).sock").path
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HostileHandler(self, behaviour))
                }
            }
            .bind(unixDomainSocketPath: path).get()
        let http = EngineHTTP(socketPath: path, bodyBytesMax: bodyBytesMax)
        let result: Result<Void, any Error>
        do { result = .success(try await body(http)) } catch { result = .failure(error) }
        await http.shutdown()
        try? await server.close()
        try? FileManager.default.removeItem(atPath: path)
        try result.get()
    }

    fileprivate func opened(_ channel: any Channel) {
        openConnections.withLock { $0[ObjectIdentifier(channel)] = channel }
    }

    fileprivate func closed(_ channel: any Channel) {
        openConnections.withLock { $0[ObjectIdentifier(channel)] = nil }
    }

    fileprivate func wrote(_ count: Int) { writtenBytes.add(count, ordering: .relaxed) }
}

private final class HostileHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let engine: HostileEngine
    private let behaviour: HostileEngine.Behaviour
    private var hasAnswered = false

    init(_ engine: HostileEngine, _ behaviour: HostileEngine.Behaviour) {
        self.engine = engine
        self.behaviour = behaviour
    }

    func channelActive(context: ChannelHandlerContext) { engine.opened(context.channel) }
    func channelInactive(context: ChannelHandlerContext) { engine.closed(context.channel) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasAnswered else { return }
        hasAnswered = true
        switch behaviour {
        case .closes(let text):
            write(text, context)
            context.close(promise: nil)
        case .holds(let text): write(text, context)
        case .repeats(let first, let rest):
            write(first, context)
            let piece = String(repeating: rest, count: 1 + Self.pieceBytes / rest.utf8.count)
            again(piece, NIOLoopBound(context, eventLoop: context.eventLoop))
        case .drips(let text):
            for byte in text.utf8 {
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [byte])), promise: nil)
            }
        }
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    private static let pieceBytes = 1_024
    /// `execute` runs before the event loop polls its sockets again; a task that is due a little later does not.
    private static let pollTime = TimeAmount.microseconds(50)

    /// Each time once the kernel has taken the last, and the other sockets of this event loop had their turn.
    private func again(_ text: String, _ context: NIOLoopBound<ChannelHandlerContext>) {
        let engine = self.engine
        let me = NIOLoopBound(self, eventLoop: context.value.eventLoop)
        context.value.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenSuccess {
            engine.wrote(text.utf8.count)
            context.value.eventLoop.scheduleTask(in: Self.pollTime) { me.value.again(text, context) }
        }
    }
}
