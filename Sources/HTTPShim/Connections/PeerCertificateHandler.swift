import NIOCore
import PodlingTLS

/// Keeps the verified client certificate of a connection, for its requests.
final class PeerCertificateHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var certificate: CertificateFacts?

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let done = event as? TLSHandshakeDone { certificate = done.peerCertificate }
        context.fireUserInboundEventTriggered(event)
    }

    /// nil in plain text, and where the peer has shown no certificate.
    static func certificate(of channel: any Channel) async throws -> CertificateFacts? {
        try await channel.eventLoop.submit {
            let handler = try? channel.pipeline.syncOperations.handler(type: PeerCertificateHandler.self)
            return handler?.certificate
        }.get()
    }
}
