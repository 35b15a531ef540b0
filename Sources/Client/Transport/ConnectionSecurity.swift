import NIOCore
internal import PodlingTLS

/// The layer between a socket and its lines: TLS, or nothing.
struct ConnectionSecurity: Sendable {
    private let tls: (context: TLSContext, host: PeerName)?
    private let limits: TLSHandlerLimits

    /// Reads and validates the TLS files.
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
            throw LineConnectionError(error)
        }
    }

    /// Whether no other machine can eavesdrop: the connection is encrypted, or stays on this machine.
    static func isPrivate(_ address: MasterAddress, peer: SocketAddress?) -> Bool {
        address.tls != nil || peer?.isLoopback == true
    }

    /// Uses an existing context.
    init(_ context: TLSContext, host: PeerName, timeoutSeconds: Int) {
        var limits = TLSHandlerLimits()
        limits.handshakeSeconds = Int64(timeoutSeconds)
        self.limits = limits
        tls = (context, host)
    }

    /// Prepares a channel that is not active yet; call it on its event loop, before the handlers for lines are added.
    ///
    /// - Returns: completes when lines may be sent, with the result of the handshake, nil for plaintext; fails with
    ///   `TLSError`, or where the channel ends before.
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

/// Reports the outcome of the handshake to the caller; the handlers after it see only the errors of TLS.
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
    /// Whether it is in 127.0.0.0/8 or ::1, also as an IPv4-mapped IPv6 address.
    var isLoopback: Bool {
        guard let text = ipAddress else { return false }
        let bare = text.lowercased()
        return bare == "::1" || bare.hasPrefix("127.") || bare.hasPrefix("::ffff:127.")
    }
}
