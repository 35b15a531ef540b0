import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import PodlingMaster
import PodlingTLS

/// An HTTP server's child channel with TLS.
struct HTTPSChannel: ServerChildChannel {
    /// The reply to a browser or curl that used http:// on this port.
    private static let plaintextAnswer = PlaintextAnswer(
        ByteBuffer(
            string: """
                HTTP/1.1 400 Bad Request\r
                Content-Type: application/json\r
                Content-Length: 71\r
                Connection: close\r
                \r
                {"error":"this port speaks HTTPS: use https://","code":"tls_required"}

                """
        ),
        isForSilence: false
    )

    let base: HTTP1Channel
    let tls: ServerTLS
    let failures: FailureLog
    let pending = PendingHandshakes()

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let engine = try TLSEngine(server: tls.httpContext)
            try pipeline.addHandler(TLSHandler(engine, answerToPlaintext: Self.plaintextAnswer))
            try pipeline.addHandler(HandshakeHandler(pending: pending, log: failures))
            try pipeline.addHandler(PeerCertificateHandler())
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}

extension HTTPServerBuilder {
    static func https(
        _ tls: ServerTLS,
        _ configuration: HTTP1Channel.Configuration,
        _ logger: Logger
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            HTTPSChannel(
                base: HTTP1Channel(responder: responder, configuration: configuration),
                tls: tls,
                failures: FailureLog(logger)
            )
        }
    }
}
