import Logging
import NIOCore
import PodlingCore
import PodlingProtocol
import PodlingTLS

/// Handles one TCP connection around its `SessionFlow`: reads, writes, and applies back-pressure to a peer that does not
/// read.
///
/// Lines are executed from the event loop only, never during a write: a socket that is written to may deliver bytes,
/// report that it is writable, or close, all re-entrantly. Bytes that arrive then are buffered, and the session is
/// queued.
final class SessionHandler: ChannelDuplexHandler, SessionSink {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let loop: MasterLoop
    /// Behind TLS, the session begins with the end of the handshake.
    private let isBehindTLS: Bool
    private(set) var certificate: CertificateFacts?
    private var context: ChannelHandlerContext?
    private var peer: SocketAddress?
    private var id: SessionID?
    private var flow = SessionFlow(openedAt: Tick.current().monotonic)
    private var hasGreeted = false
    private var out: ByteBuffer?
    /// The turn in which it last sent something.
    private var lastTurn = 0
    private var deadline: Scheduled<Void>?
    var isQueued = false
    private(set) var unreadBytes = 0
    /// Bytes written since `unreadBytes` was last measured.
    private var writtenBytes = 0
    /// Whether an empty write is queued behind the unread output, to report when that is sent.
    private var hasMarker = false
    private var isBackedUp = false
    /// Bytes of buffered input, as `loop.input` counts them.
    private var inputBytes = 0

    /// Written bytes after which the socket's unsent output is measured.
    private static let measureBytes = 4 * 1024

    init(loop: MasterLoop, isBehindTLS: Bool = false) {
        self.loop = loop
        self.isBehindTLS = isBehindTLS
    }

    var peerName: String { peer?.hostPort?.description ?? "" }

    // MARK: Opening and closing

    func handlerAdded(context: ChannelHandlerContext) { peer = context.channel.acceptedAddress }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        peer = peer ?? context.remoteAddress
        if !isBehindTLS { open() }
        context.fireChannelActive()
    }

    private func open() {
        flow = SessionFlow(openedAt: Tick.current().monotonic)
        if loop.sessionCount >= loop.configuration.connectionsMax {
            let message = "\(loop.configuration.connectionsMax) connections are the most this master takes"
            refuse(WireError(.overloaded, message, isFatal: true, retryAfterMilliseconds: 1_000))
        } else {
            id = loop.open(self)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let id { loop.closed(id) }
        id = nil
        flow.close()
        deadline?.cancel()
        loop.unread.change(from: unreadBytes, to: 0)
        unreadBytes = 0
        loop.input.change(from: inputBytes, to: 0)
        inputBytes = 0
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
            open()
        }
        if let event = event as? ChannelEvent, event == .inputClosed {
            flow.inputClosed()
            if let id { loop.halfClosed(id) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func closeIfDone() -> HalfClosedSessions.Outcome {
        guard !flow.isClosed else { return .closed }
        // The lines left to process bring a reply, and the session back here.
        guard flow.state == .reading else { return .waitsForFrames }
        guard loop.sentTurnNumber >= lastTurn else { return .waitsForTurn }
        close()
        return .closed
    }

    // MARK: Reading

    func read(context: ChannelHandlerContext) {
        if flow.mayRead(hold) { context.read() } else { wait() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let id, !flow.isClosed else { return }
        let bytes = unwrapInboundIn(data)
        guard flow.state == .reading, loop.mayExecute else {
            bytes.withUnsafeReadableBytes { flow.keep($0) }
            countInput()
            return wait()
        }
        take(bytes, from: id)
        wait()
    }

    /// Executes buffered lines and new input, within back-pressure and the session's share of work.
    private func take(_ bytes: ByteBuffer?, from id: SessionID) {
        guard flow.begin() else { return }
        let workEnd = loop.workDone &+ MasterLoop.sessionWorkMax
        let now = Tick.current()
        var bytes = bytes
        var outcome: SessionFlow.Outcome
        repeat {
            lastTurn = loop.turnNumber
            if let new = bytes {
                bytes = nil
                outcome = new.withUnsafeReadableBytes { execute($0, from: id, now: now, workEnd: workEnd) }
            } else {
                outcome = execute(nil, from: id, now: now, workEnd: workEnd)
            }
            // Outside the flow: what is sent now may call back at once.
            if loop.isTurnLarge || loop.isLate { loop.endTurn() }
        } while flow.hasMore(after: outcome) && hold == .none && loop.workDone &- workEnd < 0
        guard !flow.isClosed else { return }
        countInput()
        let fault = flow.finish(outcome, shareBytes: loop.input.share, now: now.monotonic)
        if let fault { return refuse(fault) }
        if case .wrongProtocol(let first) = outcome { refuseProtocol(first) }
    }

    private func execute(
        _ bytes: UnsafeRawBufferPointer?,
        from id: SessionID,
        now: Tick,
        workEnd: Int
    ) -> SessionFlow.Outcome {
        flow.execute(bytes) { line in
            let mayContinue = loop.received(line, from: id, now: now) && !loop.isTurnLarge
            if !hasGreeted { hasGreeted = loop.hasGreeted(id) }
            return SessionFlow.LineResult(
                mayContinue: mayContinue && loop.workDone &- workEnd < 0,
                hasGreeted: hasGreeted
            )
        }
    }

    private var hold: SessionFlow.Hold {
        guard context?.channel.isWritable == true, !isOverShare else { return .peer }
        guard let id else { return .none }
        if loop.isAsking(id) { return .answer }
        return loop.isBehind(id) ? .store : .none
    }

    private var isOverShare: Bool { unreadBytes > loop.unread.share }

    private func countInput() {
        loop.input.change(from: inputBytes, to: flow.inputBytes)
        inputBytes = flow.inputBytes
    }

    /// Arranges for `resume` to be called once the reason to wait is over.
    private func wait() {
        guard id != nil else { return }
        switch flow.step(hold) {
        case .none: break
        case .resume: loop.resumeSoon(self)
        case .pause: loop.pause(self)
        }
    }

    func resume() {
        guard let id else { return }
        guard hold == .none else { return wait() }
        if flow.state == .stopped {
            take(nil, from: id)
            if flow.isInputClosed { loop.halfClosed(id) }
        }
        if let context, flow.takeWantedRead(hold) { context.read() } else { wait() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        loop.readComplete()
        context.fireChannelReadComplete()
    }

    private func refuseProtocol(_ first: UInt8) {
        refuse(WrongProtocol.error(first: first, isBehindTLS: isBehindTLS))
        guard WrongProtocol.isTLS(first: first) else { return }
        loop.failures.add("TLS on a port that speaks without it: \(WrongProtocol.cure)", peer: peer)
    }

    // MARK: Sending

    func deliver(_ lines: UnsafeRawBufferPointer) {
        guard let context, !flow.isClosed else { return }
        if out == nil { out = context.channel.allocator.buffer(capacity: lines.count) }
        out?.writeBytes(lines)
    }

    func flush() {
        guard let context, let buffer = out else { return }
        out = nil
        writtenBytes += buffer.readableBytes
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        if writtenBytes >= Self.measureBytes || unreadBytes > 0 || !context.channel.isWritable { measureUnread() }
    }

    /// Measures the socket's unsent output; where there is any, measures again when it is sent.
    private func measureUnread() {
        guard let context, context.channel.isActive, !flow.isClosed else { return }
        writtenBytes = 0
        let left = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        loop.unread.change(from: unreadBytes, to: left)
        unreadBytes = left
        tellBackedUp()
        guard left <= loop.configuration.unreadBytesMax else {
            return closeUnread("more than \(loop.configuration.unreadBytesMax) bytes unread")
        }
        guard left > 0, !hasMarker, !flow.isClosed else { return }
        hasMarker = true
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenSuccess { bound.value.passedMarker() }
    }

    private func passedMarker() {
        hasMarker = false
        measureUnread()
        loop.resumeSoon(self)
    }

    private func tellBackedUp() {
        guard let id, let context else { return }
        let isNow = !context.channel.isWritable || isOverShare
        guard isNow != isBackedUp else { return }
        isBackedUp = isNow
        loop.backedUp(id, isNow)
    }

    func closeUnread(_ why: String) {
        guard let context, !flow.isClosed else { return }
        loop.logger.info(
            "closing a connection that does not read",
            metadata: ["unreadBytes": "\(unreadBytes)", "why": "\(why)"]
        )
        flow.close()
        // Otherwise the next eviction would choose this connection again.
        loop.unread.change(from: unreadBytes, to: 0)
        unreadBytes = 0
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        tellBackedUp()
        if context.channel.isWritable { loop.resumeSoon(self) }
        context.fireChannelWritabilityChanged()
    }

    func close() {
        guard let context, !flow.isClosed else { return }
        if out != nil { flush() }
        guard !flow.isClosed else { return }
        flow.close()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        // After all that was written; a peer that does not read it is closed by the deadline.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in bound.value.close(promise: nil) }
        guard self.context != nil else { return }
        deadline = context.eventLoop.scheduleTask(in: .seconds(Int64(loop.configuration.shutdownSeconds))) {
            bound.value.close(promise: nil)
        }
    }

    /// Sends a fatal error after pending output, and closes.
    private func refuse(_ error: WireError) {
        guard let context, !flow.isClosed else { return }
        var writer = JSONWriter(capacityBytes: 256)
        error.writeEvent(to: &writer)
        writer.newline()
        if id != nil { loop.endTurn() }
        writer.withUnsafeBytes { deliver($0) }
        close()
        if id == nil { context.close(promise: nil) }
    }

    func wasStalled(milliseconds: Int64) { flow.wasStalled(milliseconds: milliseconds) }

    func sweep(now: Tick) {
        wait()
        let hasShownIdentity = id.map { loop.hasShownIdentity($0) } ?? true
        let fault = flow.overdue(
            loop.configuration.deadlines,
            hasShownIdentity: hasShownIdentity,
            hold: hold,
            now: now.monotonic
        )
        if let fault { refuse(fault) }
    }
}
