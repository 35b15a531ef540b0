import Logging
import NIOCore
import PodlingCore
import PodlingProtocol
import PodlingTLS

/// Handles one TCP connection: splits lines, applies back-pressure to a peer that does not read, enforces its
/// deadlines.
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
    private var id: SessionID?
    private var decoder = LineDecoder(lineBytesMax: Limits.lineBytesBeforeHelloMax)
    private var out: ByteBuffer?
    private var openedAt = NIODeadline.now()
    private var partialSince: NIODeadline?
    /// The turn in which it last sent something.
    private var lastTurn = 0
    private var hasFirstByte = false
    private var hasLine = false
    private var isInputClosed = false
    private var isClosing = false
    private var isReadWanted = false
    private var flow = Flow.reading
    /// Input that arrived while lines were not processed; it follows what the decoder buffers.
    private var arrived: ByteBuffer?
    private var deadline: Scheduled<Void>?
    var isQueued = false
    private(set) var unreadBytes = 0
    /// Bytes written since `unreadBytes` was last measured.
    private var writtenBytes = 0
    /// Whether an empty write is queued behind the unread output, to report when that is sent.
    private var hasMarker = false
    private var isBackedUp = false
    /// Bytes of buffered input.
    private var inputBytes = 0

    private enum Flow {
        /// Lines are executed as they come.
        case reading
        /// Lines are being executed; this must not be entered again.
        case taking
        /// Lines are buffered until `resume`.
        case stopped
    }

    /// Written bytes after which the socket's unsent output is measured.
    private static let measureBytes = 4 * 1024
    /// Minimum capacity for an incomplete line, whatever other connections hold.
    private static let inputBytesMin = 16 * 1024

    init(loop: MasterLoop, isBehindTLS: Bool = false) {
        self.loop = loop
        self.isBehindTLS = isBehindTLS
    }

    var peerName: String { context?.remoteAddress?.hostPort?.description ?? "" }

    // MARK: Opening and closing

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        if !isBehindTLS { open() }
        context.fireChannelActive()
    }

    private func open() {
        openedAt = .now()
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
        isClosing = true
        deadline?.cancel()
        loop.unread.change(from: unreadBytes, to: 0)
        unreadBytes = 0
        arrived = nil
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
            isInputClosed = true
            partialSince = nil
            if let id { loop.halfClosed(id) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func closeIfDone() -> HalfClosedSessions.Outcome {
        guard !isClosing else { return .closed }
        // The lines left to process bring a reply, and the session back here.
        guard flow == .reading else { return .waitsForFrames }
        guard loop.sentTurnNumber >= lastTurn else { return .waitsForTurn }
        close()
        return .closed
    }

    // MARK: Reading

    func read(context: ChannelHandlerContext) {
        guard flow == .reading, mayGoOn else {
            isReadWanted = true
            if flow == .reading { wait() }
            return
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let id, !isClosing else { return }
        var bytes = unwrapInboundIn(data)
        guard flow == .reading, loop.mayExecute else {
            if arrived?.writeBuffer(&bytes) == nil { arrived = bytes }
            countInput()
            if flow == .reading {
                flow = .stopped
                wait()
            }
            return
        }
        arrived = bytes
        take(from: id)
    }

    /// Executes buffered lines and new input, within back-pressure and the session's share of work.
    private func take(from id: SessionID) {
        let workEnd = loop.workDone &+ MasterLoop.sessionWorkMax
        let now = Tick.current()
        var result = flow == .stopped ? LineDecoderResult.stopped : .ok
        flow = .taking
        repeat {
            lastTurn = loop.turnNumber
            if result == .stopped {
                result = decoder.resume { received($0, &$1, from: id, now: now, workEnd: workEnd) }
            } else if let bytes = arrived {
                arrived = nil
                result = bytes.withUnsafeReadableBytes { bytes in
                    guard hasFirstByte || isProtocol(bytes) else { return .ok }
                    return decoder.process(bytes) { received($0, &$1, from: id, now: now, workEnd: workEnd) }
                }
            }
            // Outside the decoder: what is sent now may call back at once.
            if loop.isTurnLarge || loop.isLate { loop.endTurn() }
        } while result != .lineTooLong && (result == .stopped || arrived != nil) && !isClosing && mayGoOn
            && loop.workDone &- workEnd < 0
        finish(result)
    }

    /// - Returns: false to stop for now.
    private func received(
        _ line: UnsafeRawBufferPointer,
        _ lineBytesMax: inout Int,
        from id: SessionID,
        now: Tick,
        workEnd: Int
    ) -> Bool {
        hasLine = true
        partialSince = nil
        let mayGoOn = loop.received(line, from: id, now: now)
        if lineBytesMax < Limits.lineBytesMax, loop.hasGreeted(id) { lineBytesMax = Limits.lineBytesMax }
        return mayGoOn && !loop.isTurnLarge && loop.workDone &- workEnd < 0
    }

    private var mayGoOn: Bool {
        guard context?.channel.isWritable == true, !isOverShare else { return false }
        return id.map { !loop.isBehind($0) && !loop.isAsking($0) } ?? true
    }

    private var isOverShare: Bool { unreadBytes > loop.unread.share }

    private func finish(_ result: LineDecoderResult) {
        flow = result == .stopped || (arrived != nil && result != .lineTooLong) ? .stopped : .reading
        guard !isClosing else { return }
        countInput()
        if result == .lineTooLong {
            refuse(
                WireError(.lineTooLong, "a line of more than \(decoder.lineBytesMax) bytes; the connection ends here")
            )
        } else if flow == .reading, inputBytes > Self.inputBytesMin, inputBytes > loop.input.share {
            // Waiting would not help: only the line's end would free its buffer.
            let message = "\(inputBytes) bytes of a line that is not whole: connections together hold too many of those"
            refuse(WireError(.overloaded, message, isFatal: true, retryAfterMilliseconds: 1_000))
        }
        partialSince = decoder.partialCount > 0 && flow == .reading ? partialSince ?? .now() : nil
        if flow == .stopped { wait() }
    }

    private func countInput() {
        let bytes = decoder.partialCount + (arrived?.readableBytes ?? 0)
        loop.input.change(from: inputBytes, to: bytes)
        inputBytes = bytes
    }

    /// Arranges for `resume` to be called once the reason to wait is over.
    private func wait() {
        guard let id, !loop.isAsking(id), context?.channel.isWritable == true, !isOverShare else { return }
        if loop.isBehind(id) { loop.pause(self) } else { loop.resumeSoon(self) }
    }

    func resume() {
        guard let id, !isClosing, flow != .taking else { return }
        guard mayGoOn else { return wait() }
        if flow == .stopped {
            take(from: id)
            if isInputClosed { loop.halfClosed(id) }
        }
        guard let context, isReadWanted, flow == .reading, !isClosing, mayGoOn else { return }
        isReadWanted = false
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        loop.readComplete()
        context.fireChannelReadComplete()
    }

    /// Checks the first byte of the connection that is not white space.
    private func isProtocol(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = bytes.first(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }) else {
            return true
        }
        hasFirstByte = true
        guard first != UInt8(ascii: "{") else { return true }
        refuse(WrongProtocol.error(first: first, isBehindTLS: isBehindTLS))
        if WrongProtocol.isTLS(first: first) {
            loop.failures.add(
                "TLS on a port that speaks without it: \(WrongProtocol.cure)",
                peer: context?.remoteAddress
            )
        }
        return false
    }

    // MARK: Sending

    func deliver(_ lines: UnsafeRawBufferPointer) {
        guard let context, !isClosing else { return }
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
        guard let context, context.channel.isActive, !isClosing else { return }
        writtenBytes = 0
        let left = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        loop.unread.change(from: unreadBytes, to: left)
        unreadBytes = left
        tellBackedUp()
        guard left <= loop.configuration.unreadBytesMax else {
            return closeUnread("more than \(loop.configuration.unreadBytesMax) bytes unread")
        }
        guard left > 0, !hasMarker, !isClosing else { return }
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
        guard let context, !isClosing else { return }
        loop.logger.info(
            "closing a connection that does not read",
            metadata: ["unreadBytes": "\(unreadBytes)", "why": "\(why)"]
        )
        isClosing = true
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
        guard let context, !isClosing else { return }
        if out != nil { flush() }
        guard !isClosing else { return }
        isClosing = true
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
        guard let context, !isClosing else { return }
        var writer = JSONWriter(capacityBytes: 256)
        error.writeEvent(to: &writer)
        writer.newline()
        if id != nil { loop.endTurn() }
        writer.withUnsafeBytes { deliver($0) }
        close()
        if id == nil { context.close(promise: nil) }
    }

    func wasStalled(by gap: TimeAmount) {
        openedAt = openedAt + gap
        partialSince = partialSince.map { $0 + gap }
    }

    func sweep(now: NIODeadline) {
        guard !isClosing else { return }
        if flow == .stopped || isReadWanted { wait() }
        if !hasLine, now - openedAt >= .seconds(Int64(loop.configuration.firstLineSeconds)) {
            refuse(WireError(.timeout, "no complete line within \(loop.configuration.firstLineSeconds) s"))
        } else if let since = partialSince, now - since >= .seconds(Int64(loop.configuration.partialLineSeconds)) {
            refuse(WireError(.timeout, "a line was not finished within \(loop.configuration.partialLineSeconds) s"))
        } else if let id, now - openedAt >= .seconds(Int64(loop.configuration.identitySeconds)),
            !loop.hasShownIdentity(id)
        {
            refuse(WireError(.timeout, "no hello with a token within \(loop.configuration.identitySeconds) s"))
        }
    }
}
