import NIOCore
import NIOHTTP1
import NIOPosix

/// A connection to an engine for one request. It is closed at the end of the response, when the task that waits for the
/// response is cancelled, or with its last reference.
final class EngineConnection: Sendable {
    /// Connect time-out in seconds; over a unix socket only a stalled machine takes any time.
    static let connectTimeoutSeconds: Int64 = 5
    /// Size limit of one header field with its name, and of a whole head; engines send a few hundred bytes.
    static let headerFieldBytesMax = 16 << 10
    static let headerBytesMax = 64 << 10
    static let headerFieldsMax = 128

    private let channel: any Channel
    private let exchange: NIOLoopBound<EngineExchange>

    private init(_ channel: any Channel, _ exchange: EngineExchange) {
        self.channel = channel
        self.exchange = NIOLoopBound(exchange, eventLoop: channel.eventLoop)
    }

    deinit { close() }

    static func open(socketPath: String) async throws -> EngineConnection {
        try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.seconds(connectTimeoutSeconds))
            .channelOption(.autoRead, value: false)
            .connect(unixDomainSocketPath: socketPath) { channel in
                channel.eventLoop.makeCompletedFuture {
                    var limits = NIOHTTPDecoderLimitConfiguration()
                    limits.maxHeaderFieldSize = headerFieldBytesMax
                    limits.maxHeaderListSize = headerBytesMax
                    limits.maxHeaderFieldCount = headerFieldsMax
                    // Interim responses pass the decoder, to be counted.
                    let decoder = HTTPResponseDecoder(
                        informationalResponseStrategy: .forward,
                        limitConfiguration: limits
                    )
                    let exchange = EngineExchange()
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandlers(HTTPRequestEncoder(), ByteToMessageHandler(decoder), exchange)
                    return EngineConnection(channel, exchange)
                }
            }
    }

    /// Completes when the connection is closed and its descriptor is free.
    var closed: EventLoopFuture<Void> { channel.closeFuture }

    func close() { channel.close(promise: nil) }

    func send(_ head: HTTPRequestHead, body: ByteBuffer?) {
        channel.eventLoop.execute { [exchange] in exchange.value.send(head, body: body) }
    }

    func head() async throws -> HTTPResponseHead {
        try await read { [exchange] eventLoop in exchange.value.nextHead(eventLoop) }
    }

    /// The next chunk of the response's body, nil at its end; the engine's output is read on demand only.
    func next() async throws -> ByteBuffer? {
        try await read { [exchange] eventLoop in exchange.value.nextBody(eventLoop) }
    }

    private func read<Value: Sendable>(
        _ read: @escaping @Sendable (any EventLoop) -> EventLoopFuture<Value>
    ) async throws -> Value {
        let eventLoop = channel.eventLoop
        do {
            return try await withTaskCancellationHandler {
                try await eventLoop.flatSubmit { read(eventLoop) }.get()
            } onCancel: {
                close()
            }
        } catch {
            throw Task.isCancelled ? CancellationError() : error
        }
    }
}
