import NIOCore
import PodlingCore
import PodlingShell

/// Rate-limits TLS handshakes, in front of the TLS handler of a new connection. A handshake runs on the event loop that
/// serves everybody, and is charged as work there: many at once wait for their turn, as lines do.
final class HandshakeGate: ChannelDuplexHandler, Resumable {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Cost of the server's signature and key exchange, in the core's units, and of what the peer sends after it.
    private static let firstWork = 8_000
    private static let furtherWork = 1_000

    private let shell: MasterShell
    private var context: ChannelHandlerContext?
    private var kept: ByteBuffer?
    private var isReadWanted = false
    private var isFirst = true
    /// Whether the handshake is complete: from then on lines are charged by what they request.
    var isDone = false
    var isQueued = false

    init(_ shell: MasterShell) { self.shell = shell }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        kept = nil
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return context.fireChannelRead(data) }
        guard kept == nil, shell.mayExecute else {
            var bytes = unwrapInboundIn(data)
            if kept?.writeBuffer(&bytes) == nil { kept = bytes }
            return shell.resumeSoon(self)
        }
        count()
        context.fireChannelRead(data)
    }

    private func count() {
        shell.count(work: isFirst ? Self.firstWork : Self.furtherWork)
        isFirst = false
    }

    func resume() {
        guard let context, let bytes = kept else { return }
        kept = nil
        count()
        context.fireChannelRead(wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        guard isReadWanted else { return }
        isReadWanted = false
        context.read()
    }

    func read(context: ChannelHandlerContext) {
        if kept == nil { context.read() } else { isReadWanted = true }
    }

    func channelInactive(context: ChannelHandlerContext) {
        kept = nil
        self.context = nil
        context.fireChannelInactive()
    }
}
