import Logging
import NIOCore
import PodlingCore
import PodlingProtocol
import PodlingTLS

/// One TCP connection: cuts lines, stops reading a peer that does not read, keeps its deadlines.
final class SessionHandler: ChannelDuplexHandler, SessionSink {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let loop: MasterLoop
    /// The session begins with the end of the handshake.
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
    /// The decoder keeps lines that are taken once the peer has read what it was sent.
    private var isStopped = false

    init(loop: MasterLoop, isBehindTLS: Bool = false) {
        self.loop = loop
        self.isBehindTLS = isBehindTLS
    }

    var peerName: String {
        guard let address = context?.remoteAddress, let host = address.ipAddress, let port = address.port else {
            return ""
        }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

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
        self.context = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let done = event as? TLSHandshakeDone {
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

    func closeIfDone() -> Bool {
        guard !isClosing else { return true }
        guard !isStopped, loop.sentTurnNumber >= lastTurn else { return false }
        close()
        return true
    }

    // MARK: Reading

    func read(context: ChannelHandlerContext) {
        let isBehind = id.map { loop.isBehind($0) } ?? false
        guard context.channel.isWritable, !isBehind, !isStopped else {
            isReadWanted = true
            if isBehind, let id { loop.paused(id) }
            return
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let id, !isClosing else { return }
        lastTurn = loop.turnNumber
        let now = Tick.current()
        let result = unwrapInboundIn(data).withUnsafeReadableBytes { bytes -> LineDecoderResult in
            guard hasFirstByte || isProtocol(bytes) else { return .ok }
            return decoder.process(bytes) { received($0, &$1, from: id, now: now) }
        }
        finish(result)
    }

    /// - Returns: false to take no more for now.
    private func received(
        _ line: UnsafeRawBufferPointer,
        _ lineBytesMax: inout Int,
        from id: SessionID,
        now: Tick
    ) -> Bool {
        hasLine = true
        partialSince = nil
        let mayGoOn = loop.received(line, from: id, now: now)
        if lineBytesMax < Limits.lineBytesMax, loop.hasGreeted(id) { lineBytesMax = Limits.lineBytesMax }
        guard loop.isTurnLarge else { return !isClosing && mayGoOn }
        loop.endTurnNow()
        return !isClosing && self.mayGoOn
    }

    private var mayGoOn: Bool {
        context?.channel.isWritable == true && id.map { !loop.isBehind($0) && !loop.isAsking($0) } ?? true
    }

    private func finish(_ result: LineDecoderResult) {
        isStopped = result == .stopped && !isClosing
        if result == .lineTooLong {
            refuse(
                WireError(.lineTooLong, "a line of more than \(decoder.lineBytesMax) bytes; the connection ends here")
            )
        }
        partialSince = decoder.partialCount > 0 && !isStopped ? partialSince ?? .now() : nil
        if isStopped, let id { loop.paused(id) }
    }

    /// Takes the lines that were kept, as far as the peer reads.
    private func takeKept() {
        guard isStopped, let id, !isClosing, mayGoOn else { return }
        lastTurn = loop.turnNumber
        let now = Tick.current()
        finish(decoder.resume { received($0, &$1, from: id, now: now) })
        loop.readComplete()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        loop.readComplete()
        context.fireChannelReadComplete()
    }

    /// Looks at the first byte of the connection that is not white space.
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
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        if !context.channel.isWritable { checkUnread(context) }
    }

    private func checkUnread(_ context: ChannelHandlerContext) {
        let unread = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
        guard let unread, unread > loop.configuration.unreadBytesMax else { return }
        loop.logger.info("closing a connection that does not read", metadata: ["unreadBytes": "\(unread)"])
        isClosing = true
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if let id { loop.backedUp(id, !context.channel.isWritable) }
        resumeReading()
        context.fireChannelWritabilityChanged()
    }

    func resumeReading() {
        takeKept()
        guard let context, isReadWanted, !isStopped, mayGoOn else { return }
        isReadWanted = false
        context.read()
    }

    func close() {
        guard let context, !isClosing else { return }
        if out != nil { flush() }
        isClosing = true
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        // Behind all that was written; a peer that does not read it is cut off by the deadline.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in bound.value.close(promise: nil) }
        context.eventLoop.scheduleTask(in: .seconds(Int64(loop.configuration.shutdownSeconds))) {
            bound.value.close(promise: nil)
        }
    }

    /// Sends a fatal error behind what is due, and closes.
    private func refuse(_ error: WireError) {
        guard let context, !isClosing else { return }
        var writer = JSONWriter(capacityBytes: 256)
        error.writeEvent(to: &writer)
        writer.newline()
        if id != nil { loop.endTurnNow() }
        writer.withUnsafeBytes { deliver($0) }
        close()
        if id == nil { context.close(promise: nil) }
    }

    func sweep(now: NIODeadline) {
        resumeReading()
        guard !isClosing else { return }
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
