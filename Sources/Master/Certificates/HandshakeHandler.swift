public import NIOCore
import PodlingTLS

/// Behind the TLS of a new connection until its handshake is done: keeps the count, and says in the log why it failed.
public final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = ByteBuffer

    private let pending: PendingHandshakes
    private let log: FailureLog
    /// Where handshakes take turns with other work.
    private var gate: HandshakeGate?
    /// Who it is: asked for at the end, a connection that was reset has no address any more.
    private var peer: SocketAddress?

    public init(pending: PendingHandshakes, log: FailureLog) {
        self.pending = pending
        self.log = log
    }

    init(loop: MasterLoop, gate: HandshakeGate) {
        (pending, log) = (loop.pendingHandshakes, loop.failures)
        self.gate = gate
    }

    public func channelActive(context: ChannelHandlerContext) {
        peer = context.remoteAddress
        if let victim = pending.add(context.channel, address: peer?.ipAddress ?? "") {
            log.add("TLS: too many handshakes at once; the oldest was ended", peer: victim.remoteAddress)
            // Without a farewell: its handshake is not done.
            victim.close(promise: nil)
        }
        context.fireChannelActive()
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is TLSHandshakeDone { gate?.isDone = true }
        context.fireUserInboundEventTriggered(event)
        guard event is TLSHandshakeDone else { return }
        pending.remove(context.channel)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Who only looks whether the port is open says nothing.
        if let error = error as? TLSError, error.kind != .truncated {
            log.add("TLS: \(error)", peer: peer ?? context.remoteAddress)
        }
        context.fireErrorCaught(error)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        pending.remove(context.channel)
        context.fireChannelInactive()
    }
}
