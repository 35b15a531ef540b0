import NIOCore
import PodlingTLS

/// Follows the TLS handler of a new connection until its handshake is complete: keeps the count of pending handshakes,
/// and logs why one failed.
package final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer

    private let pending: PendingHandshakes
    private let log: FailureLog
    /// The gate that queues handshakes with other work.
    private var gate: HandshakeGate?
    private var peer: SocketAddress?

    package init(pending: PendingHandshakes, log: FailureLog) {
        self.pending = pending
        self.log = log
    }

    init(loop: MasterLoop, gate: HandshakeGate) {
        (pending, log) = (loop.pendingHandshakes, loop.failures)
        self.gate = gate
    }

    package func handlerAdded(context: ChannelHandlerContext) { peer = context.channel.acceptedAddress }

    package func channelActive(context: ChannelHandlerContext) {
        peer = peer ?? context.remoteAddress
        if let victim = pending.add(context.channel, address: peer) {
            log.add("TLS: too many handshakes at once; the oldest was ended", peer: victim.address)
            // Closes without close_notify: its handshake is not complete.
            victim.channel.close(promise: nil)
        }
        context.fireChannelActive()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is TLSHandshakeDone { gate?.isDone = true }
        context.fireUserInboundEventTriggered(event)
        guard event is TLSHandshakeDone else { return }
        pending.remove(context.channel)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A port scan, which sends nothing, is not logged.
        if let error = error as? TLSError, error.kind != .truncated {
            log.add("TLS: \(error)", peer: peer)
        }
        context.fireErrorCaught(error)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        pending.remove(context.channel)
        context.fireChannelInactive()
    }
}
