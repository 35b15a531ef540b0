import NIOCore

/// Limits of a connection's handshake and closure.
package struct TLSHandlerLimits: Sendable {
    /// Time from the start of the connection to the end of the handshake.
    package var handshakeSeconds: Int64 = 5
    /// How long to wait for the peer's close_notify after this side's.
    package var closeSeconds: Int64 = 2
    /// Bytes that may be written before the handshake is complete.
    package var queuedBytesMax = 1_024 * 1_024

    package init() {}
}

/// Fired as an inbound user event once the handshake is complete. In TLS 1.3 a client's certificate may still be
/// rejected after it: only an answer proves that the client is connected.
package struct TLSHandshakeDone: Sendable {
    /// `TLSv1.3`.
    package let version: String
    package let peerCertificate: CertificateFacts?
}

/// TLS for a channel: a `TLSEngine` with plaintext on the side of the handlers after it.
///
/// An error is fired as `TLSError`, and closes the channel. `close` sends close_notify first. Writes fail through their
/// promise.
package final class TLSHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private var engine: TLSEngine
    private let limits: TLSHandlerLimits
    private let answerToPlaintext: PlaintextAnswer?
    private var queue: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var queuedBytes = 0
    private var hasBegun = false
    private var deadline: Scheduled<Void>?
    private var closePromise: EventLoopPromise<Void>?
    /// This side has begun to close: how the peer then ends is no error.
    private var isClosing = false
    private var hasEnded = false

    /// - Parameter answerToPlaintext: for a server: its reply to a client that speaks without TLS.
    package init(
        _ engine: consuming TLSEngine,
        limits: TLSHandlerLimits = TLSHandlerLimits(),
        answerToPlaintext: PlaintextAnswer? = nil
    ) {
        self.engine = engine
        self.limits = limits
        self.answerToPlaintext = answerToPlaintext
    }

    // MARK: - Beginning

    package func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    package func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !hasBegun else { return }
        hasBegun = true
        let seconds = limits.handshakeSeconds
        schedule(context, seconds) { handler, context in
            handler.fail(context, handler.engine.lateness(afterSeconds: seconds))
        }
        attempt(context) { engine throws(TLSError) in try engine.start() }
        context.flush()
        context.read()
    }

    private func schedule(
        _ context: ChannelHandlerContext,
        _ seconds: Int64,
        _ body: @escaping (TLSHandler, ChannelHandlerContext) -> Void
    ) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(seconds)) { [weak self] in
            guard let self, !self.hasEnded else { return }
            body(self, context)
        }
    }

    // MARK: - Reading

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasEnded else { return }
        let bytes = unwrapInboundIn(data)
        let wasHandshaking = engine.state == .handshaking
        var plaintext = context.channel.allocator.buffer(capacity: bytes.readableBytes + TLSEngine.readBytesMin)
        let isGood = attempt(context) { engine throws(TLSError) in
            try engine.receive(bytes, plaintext: &plaintext)
        } beforeError: {
            if plaintext.readableBytes > 0 { context.fireChannelRead(self.wrapInboundOut(plaintext)) }
        }
        guard isGood else { return }
        if wasHandshaking, engine.state != .handshaking { opened(context) }
        // A handler that receives the event may write at once, re-entrantly, to a socket that fails.
        guard !hasEnded else { return }
        if plaintext.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plaintext)) }
        if engine.state == .closed { end(context) }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        context.fireChannelReadComplete()
        // Handlers that read on demand ask for plaintext, and do not know of these bytes.
        if !hasEnded, engine.state == .handshaking || engine.state == .closing { context.read() }
    }

    private func opened(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
        // Writes in response to the event follow the queued ones.
        let waiting = queue
        (queue, queuedBytes) = ([], 0)
        for (bytes, promise) in waiting { send(context, bytes, promise) }
        guard !hasEnded else { return }
        // Flushed when the read is complete: a socket may end, or hand over bytes, within a flush.
        let done = TLSHandshakeDone(version: engine.protocolVersion, peerCertificate: engine.peerCertificate)
        context.fireUserInboundEventTriggered(done)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // TLS connections here have no half-closed state.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { peerEnded(context) }
        context.fireUserInboundEventTriggered(event)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        peerEnded(context)
        context.fireChannelInactive()
    }

    private func peerEnded(_ context: ChannelHandlerContext) {
        guard !hasEnded else { return }
        guard !isClosing else { return end(context) }
        var plaintext = ByteBuffer()
        attempt(context) { engine throws(TLSError) in try engine.receiveEnd(plaintext: &plaintext) }
        end(context)
    }

    // MARK: - Writing

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        guard !isClosing, !hasEnded else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        guard engine.state == .handshaking else { return send(context, bytes, promise) }
        guard queuedBytes + bytes.readableBytes <= limits.queuedBytesMax else {
            let error = TLSError(
                .handshake,
                "more than \(limits.queuedBytesMax) bytes wait for the end of the TLS handshake"
            )
            promise?.fail(error)
            return fail(context, error)
        }
        queuedBytes += bytes.readableBytes
        queue.append((bytes, promise))
    }

    /// Encrypts record by record, so that OpenSSL never buffers more than one.
    private func send(_ context: ChannelHandlerContext, _ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        var (rest, ciphertext) = (bytes, context.channel.allocator.buffer(capacity: bytes.readableBytes))
        while let slice = rest.readSlice(length: min(rest.readableBytes, TLSEngine.recordBytesMax)),
            slice.readableBytes > 0
        {
            do throws(TLSError) {
                try engine.write(slice)
            } catch {
                promise?.fail(error)
                return fail(context, error)
            }
            engine.takeCiphertext(into: &ciphertext)
        }
        context.write(wrapOutboundOut(ciphertext), promise: promise)
    }

    // MARK: - Ending

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // There is no half-closed state: this side's end closes the connection, once the peer has sent close_notify
        // too.
        guard mode != .input else {
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        closePromise.cascadeOrTake(promise)
        guard !isClosing, !hasEnded else {
            if hasEnded { end(context) }
            return
        }
        isClosing = true
        guard engine.state == .open else { return end(context) }
        engine.close()
        flushCiphertext(context)
        context.flush()
        schedule(context, limits.closeSeconds) { handler, context in handler.end(context) }
        context.read()
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        failQueue(ChannelError.ioOnClosedChannel)
    }

    private func fail(_ context: ChannelHandlerContext, _ error: TLSError) {
        guard !hasEnded else { return }
        flushCiphertext(context)
        if let answerToPlaintext, answerToPlaintext.isFor(error, firstByte: engine.firstByte) {
            context.write(wrapOutboundOut(answerToPlaintext.bytes), promise: nil)
        }
        context.flush()
        failQueue(error)
        if !isClosing { context.fireErrorCaught(error) }
        end(context)
    }

    private func end(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
        let promise = closePromise
        closePromise = nil
        guard !hasEnded || promise != nil else { return }
        hasEnded = true
        failQueue(ChannelError.ioOnClosedChannel)
        context.flush()
        // Where the connection has ended by itself there is nothing left to close.
        if hasBegun, !context.channel.isActive {
            promise?.succeed()
        } else {
            context.close(promise: promise)
        }
    }

    private func failQueue(_ error: any Error) {
        let waiting = queue
        (queue, queuedBytes) = ([], 0)
        for (_, promise) in waiting { promise?.fail(error) }
    }

    private func flushCiphertext(_ context: ChannelHandlerContext) {
        var ciphertext = context.channel.allocator.buffer(capacity: 0)
        if engine.takeCiphertext(into: &ciphertext) > 0 { context.write(wrapOutboundOut(ciphertext), promise: nil) }
    }

    /// Runs a step of the engine, and sends its output.
    ///
    /// - Returns: whether it succeeded; if not, the channel is being closed.
    @discardableResult
    private func attempt(
        _ context: ChannelHandlerContext,
        _ step: (inout TLSEngine) throws(TLSError) -> Void,
        beforeError: () -> Void = {}
    ) -> Bool {
        do throws(TLSError) {
            try step(&engine)
        } catch {
            beforeError()
            fail(context, error)
            return false
        }
        flushCiphertext(context)
        return true
    }
}

extension EventLoopPromise<Void>? {
    /// Stores `promise`, or cascades the stored one to it.
    fileprivate mutating func cascadeOrTake(_ promise: EventLoopPromise<Void>?) {
        guard let promise else { return }
        guard let kept = self else {
            self = promise
            return
        }
        kept.futureResult.cascade(to: promise)
    }
}
