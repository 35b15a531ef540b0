import NIOCore
import PodlingProtocol
import PodlingShell
import PodlingTLS

/// The socket of one session: a TCP connection, in TLS or not.
final class SessionHandler: ChannelDuplexHandler, SessionSocket {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let loop: MasterLoop
    let session: SessionShell
    /// Behind TLS, the session begins with the end of the handshake.
    private let isBehindTLS: Bool
    private var certificate: CertificateFacts?
    private var context: ChannelHandlerContext?
    private var peer: SocketAddress?
    private var out: ByteBuffer?
    private var deadline: Scheduled<Void>?

    init(_ shell: MasterShell, _ loop: MasterLoop, isBehindTLS: Bool = false) {
        self.loop = loop
        self.isBehindTLS = isBehindTLS
        session = SessionShell(shell, isBehindTLS: isBehindTLS)
    }

    // MARK: What the channel tells

    func handlerAdded(context: ChannelHandlerContext) { peer = context.channel.acceptedAddress }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        peer = peer ?? context.remoteAddress
        session.connected(self)
        if !isBehindTLS { session.open() }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        session.disconnected()
        deadline?.cancel()
        self.context = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A socket that fails while the handshake's last bytes are sent is closed before this event arrives.
        if let done = event as? TLSHandshakeDone, self.context != nil {
            certificate = done.peerCertificate
            session.open()
        }
        if let event = event as? ChannelEvent, event == .inputClosed { session.inputClosed() }
        context.fireUserInboundEventTriggered(event)
    }

    func read(context: ChannelHandlerContext) {
        if session.mayRead() { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        unwrapInboundIn(data).withUnsafeReadableBytes { session.received($0) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        session.readComplete()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        session.writabilityChanged()
        context.fireChannelWritabilityChanged()
    }

    // MARK: What the session asks for

    var peerName: String { peer?.hostPort?.description ?? "" }

    var credentials: PeerCredentials {
        certificate.map { PeerCredentials($0, role: loop.configuration.certificateRole) } ?? .none
    }

    var isActive: Bool { context?.channel.isActive == true }

    var isWritable: Bool { context?.channel.isWritable == true }

    var unsentBytes: Int {
        guard let options = context?.channel.syncOptions else { return 0 }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0
    }

    func read() { context?.read() }

    func buffer(_ lines: UnsafeRawBufferPointer) {
        guard let context else { return }
        if out == nil { out = context.channel.allocator.buffer(capacity: lines.count) }
        out?.writeBytes(lines)
    }

    var bufferedBytes: Int { out?.readableBytes ?? 0 }

    func flush() {
        guard let context, let buffer = out else { return }
        out = nil
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func mark() {
        guard let context else { return }
        let bound = NIOLoopBound(session, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenSuccess { bound.value.passedMarker() }
    }

    func closeAfterFlush(withinSeconds seconds: Int) {
        guard let context else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        // After all that was written; a peer that does not read it is closed by the deadline.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in bound.value.close(promise: nil) }
        guard self.context != nil else { return }
        deadline = context.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) { bound.value.close(promise: nil) }
    }

    func close() { context?.close(promise: nil) }

    func spokeTLS() {
        loop.failures.add("TLS on a port that speaks without it: \(WrongProtocol.cure)", peer: peer)
    }
}
