import NIOCore
internal import PodlingTLS

/// Sends PostgreSQL's SSLRequest, then starts TLS on the same socket (PostgreSQL manual, 55.2.10).
final class PostgresTLSRequest: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// SSLRequest: its length, and a version number that no protocol has.
    private static let request: [UInt8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]

    private let security: ConnectionSecurity
    private let opened: EventLoopPromise<TLSHandshakeDone?>
    private var isAnswered = false

    private init(_ security: ConnectionSecurity, _ opened: EventLoopPromise<TLSHandshakeDone?>) {
        self.security = security
        self.opened = opened
    }

    /// Prepares a channel that is not active yet; call it on its event loop.
    ///
    /// - Returns: the result of the handshake; fails with `TLSError` or `DoctorDial.Refusal`.
    static func begin(
        _ channel: any Channel,
        _ security: ConnectionSecurity,
        timeoutSeconds: Int
    ) throws -> EventLoopFuture<TLSHandshakeDone?> {
        let opened = channel.eventLoop.makePromise(of: TLSHandshakeDone?.self)
        do {
            try channel.pipeline.syncOperations.addHandler(PostgresTLSRequest(security, opened))
        } catch {
            opened.fail(error)
            throw error
        }
        // The handshake after the reply has a deadline of its own.
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(Int64(2 * timeoutSeconds))) {
            let text = "the server did not answer within \(2 * timeoutSeconds) s"
            opened.fail(DoctorDial.Refusal(text: text, cure: "Is it PostgreSQL that listens there?"))
        }
        opened.futureResult.whenComplete { _ in deadline.cancel() }
        return opened.futureResult
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: Self.request)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAnswered else { return context.fireChannelRead(data) }
        isAnswered = true
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        // Bytes that follow the reply were not encrypted, and a man in the middle may have injected them.
        guard bytes == [UInt8(ascii: "S")] else { return refuse(context, bytes.first) }
        do {
            try security.begin(context.channel).cascade(to: opened)
        } catch {
            opened.fail(error)
            context.close(promise: nil)
        }
    }

    private func refuse(_ context: ChannelHandlerContext, _ first: UInt8?) {
        let refusal =
            first == UInt8(ascii: "N")
            ? DoctorDial.Refusal(
                text: "the server has no TLS (ssl = off)",
                cure:
                    "Set ssl = on there, with ssl_cert_file and ssl_key_file; or use sslmode=disable on a network that is "
                    + "yours alone."
            )
            : DoctorDial.Refusal(
                text: "what listens there does not answer as PostgreSQL",
                cure: "Correct host and port."
            )
        opened.fail(refusal)
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        opened.fail(DoctorDial.Refusal(text: "the server ended the connection", cure: "Its log may say why."))
    }
}
