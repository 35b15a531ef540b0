import NIOCore
import NIOEmbedded
import PodlingTLS

/// Two channels without sockets, and the bytes in transit between them.
final class ChannelPair {
    /// What the handler fires.
    final class Events: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private(set) var errors: [TLSError] = []
        private(set) var doneVersion: String?
        /// Written when the handshake is done.
        var answerToDone: String?

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let error = error as? TLSError { errors.append(error) }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard let done = event as? TLSHandshakeDone else { return }
            doneVersion = done.version
            guard let answerToDone else { return }
            context.writeAndFlush(NIOAny(ByteBuffer(string: answerToDone)), promise: nil)
        }
    }

    /// The state of a promise: it is inspected, and never waited for.
    final class Outcome {
        private(set) var result: Result<Void, any Error>?

        init(_ future: EventLoopFuture<Void>) {
            future.assumeIsolated().whenComplete { self.result = $0 }
        }

        var hasSucceeded: Bool { (try? result?.get()) != nil }
        var error: (any Error)? {
            guard case .failure(let error)? = result else { return nil }
            return error
        }
    }

    struct End {
        let channel: EmbeddedChannel
        let loop = EmbeddedEventLoop()
        let events = Events()

        init(_ handler: TLSHandler) throws {
            channel = EmbeddedChannel(loop: loop)
            try channel.pipeline.syncOperations.addHandler(handler)
            try channel.pipeline.syncOperations.addHandler(events)
            // EmbeddedChannel is not active before.
            channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        }

        func write(_ text: String) -> Outcome { Outcome(channel.writeAndFlush(ByteBuffer(string: text))) }

        func close(_ mode: CloseMode = .all) -> Outcome { Outcome(channel.close(mode: mode)) }

        /// The plaintext that has arrived since the last call.
        func heard() -> String {
            var text = ""
            while let bytes = try? channel.readInbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
            return text
        }

        /// The bytes in transit to the peer.
        fileprivate func sent() -> ByteBuffer {
            var all = ByteBuffer()
            while var bytes = try? channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&bytes) }
            return all
        }
    }

    let client: End
    let server: End

    init(client: TLSHandler, server: TLSHandler) throws {
        self.client = try End(client)
        self.server = try End(server)
    }

    deinit {
        for end in [client, server] {
            end.channel.close(promise: nil)
            // Longer than the peer's close_notify is waited for.
            end.loop.advanceTime(by: .seconds(60))
        }
    }

    /// Exchanges bytes until neither side has any left.
    func carry() {
        while true {
            let (toServer, toClient) = (client.sent(), server.sent())
            client.loop.run()
            server.loop.run()
            if toServer.readableBytes + toClient.readableBytes == 0 { return }
            if server.channel.isActive, toServer.readableBytes > 0 { _ = try? server.channel.writeInbound(toServer) }
            if client.channel.isActive, toClient.readableBytes > 0 { _ = try? client.channel.writeInbound(toClient) }
        }
    }
}
