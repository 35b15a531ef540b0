import NIOCore
import PodlingTLS

/// What stands between a socket and its lines: TLS, or nothing.
struct ConnectionSecurity: Sendable {
    private let tls: (context: TLSContext, host: PeerName)?
    private let limits: TLSHandlerLimits

    /// Reads and checks the files of TLS.
    ///
    /// - Throws: `LineConnectionError.tls`.
    init(_ address: MasterAddress, timeoutSeconds: Int) throws(LineConnectionError) {
        var limits = TLSHandlerLimits()
        limits.handshakeSeconds = Int64(timeoutSeconds)
        self.limits = limits
        do throws(TLSError) {
            tls = try address.tls.map { client throws(TLSError) in
                (try TLSContext(client: client), try PeerName(address.host))
            }
        } catch {
            throw .tls(error)
        }
    }

    /// Whether no other machine can read along: the connection is encrypted, or stays on this one.
    static func isPrivate(_ address: MasterAddress, peer: SocketAddress?) -> Bool {
        address.tls != nil || peer?.isLoopback == true
    }

    /// With a context that was made already.
    init(_ context: TLSContext, host: PeerName, timeoutSeconds: Int) {
        var limits = TLSHandlerLimits()
        limits.handshakeSeconds = Int64(timeoutSeconds)
        self.limits = limits
        tls = (context, host)
    }

    /// Prepares a channel that is not active yet; on its loop, before what reads and writes lines.
    ///
    /// - Returns: done when lines may be sent, with what was agreed on, nil for plaintext; fails with `TLSError`, or where
    ///   the channel ends before.
    func begin(_ channel: any Channel) throws -> EventLoopFuture<TLSHandshakeDone?> {
        guard let tls else { return channel.eventLoop.makeSucceededFuture(nil) }
        let engine = try TLSEngine(client: tls.context, host: tls.host)
        let opened = channel.eventLoop.makePromise(of: TLSHandshakeDone?.self)
        do {
            try channel.pipeline.syncOperations.addHandler(TLSHandler(engine, limits: limits))
            try channel.pipeline.syncOperations.addHandler(HandshakeGate(opened))
        } catch {
            opened.fail(error)
            throw error
        }
        return opened.futureResult
    }
}

/// Tells who dials how the handshake went; the handlers after it learn nothing of TLS but its errors.
private final class HandshakeGate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let opened: EventLoopPromise<TLSHandshakeDone?>

    init(_ opened: EventLoopPromise<TLSHandshakeDone?>) { self.opened = opened }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let done = event as? TLSHandshakeDone {
            opened.succeed(done)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        opened.fail(error)
        context.fireErrorCaught(error)
    }

    func handlerRemoved(context: ChannelHandlerContext) { opened.fail(ChannelError.ioOnClosedChannel) }
}

extension SocketAddress {
    /// 127.0.0.0/8 and ::1, also as an IPv4 address within IPv6.
    var isLoopback: Bool {
        guard let text = ipAddress else { return false }
        let bare = text.lowercased()
        return bare == "::1" || bare.hasPrefix("127.") || bare.hasPrefix("::ffff:127.")
    }
}
