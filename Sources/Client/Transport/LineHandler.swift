import NIOCore
import PodlingProtocol
internal import PodlingTLS

/// Splits input into lines, yields them to an async sequence, and applies back-pressure: reads no further while that
/// lags.
final class LineHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = Never
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    typealias Producer = NIOThrowingAsyncSequenceProducer<
        [UInt8], any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, LineReadGate
    >

    /// The high watermark of buffered lines, at which reading stops, and the low one, at which it continues.
    static let unreadLinesHigh = 64
    static let unreadLinesLow = 16

    private var source: Producer.Source?
    private var context: ChannelHandlerContext?
    private var decoder: LineDecoder
    private let onEnd: (LineConnectionError) -> Void
    private var isFull = false
    private var isReadWanted = false
    private var hasEnded = false

    /// - Parameter onEnd: called once, on the event loop, when no more lines will come.
    init(lineBytesMax: Int = Limits.lineBytesMax, onEnd: @escaping (LineConnectionError) -> Void) {
        decoder = LineDecoder(lineBytesMax: lineBytesMax)
        self.onEnd = onEnd
    }

    /// Makes the sequence that this handler feeds; call it once, on the event loop, before the channel is active.
    func makeSequence(on eventLoop: any EventLoop) -> Producer {
        let made = NIOThrowingAsyncSequenceProducer.makeSequence(
            elementType: [UInt8].self,
            failureType: (any Error).self,
            backPressureStrategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
                lowWatermark: Self.unreadLinesLow,
                highWatermark: Self.unreadLinesHigh
            ),
            finishOnDeinit: true,
            delegate: LineReadGate(handler: self, eventLoop: eventLoop)
        )
        source = made.source
        return made.sequence
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasEnded else { return }
        var lines: [[UInt8]] = []
        let result = unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
            decoder.process(bytes) { line in
                lines.append([UInt8](line))
                return true
            }
        }
        if !lines.isEmpty, case .stopProducing? = source?.yield(contentsOf: lines) { isFull = true }
        if result == .lineTooLong { end(.lineTooLong(bytesMax: decoder.lineBytesMax)) }
    }

    func read(context: ChannelHandlerContext) {
        if isFull { isReadWanted = true } else { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.closedByPeer)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end((error as? TLSError).map(LineConnectionError.init) ?? .failed("\(error)"))
    }

    /// Ends the sequence and closes the channel; the first reason counts.
    func end(_ reason: LineConnectionError) {
        guard !hasEnded else { return }
        hasEnded = true
        onEnd(reason)
        switch reason {
        case .closedByPeer, .closedLocally: source?.finish()
        default: source?.finish(reason)
        }
        source = nil
        context?.close(promise: nil)
    }

    func consumerWantsMore() {
        isFull = false
        guard isReadWanted else { return }
        isReadWanted = false
        context?.read()
    }
}

/// Forwards the consumer's demand to the handler, on its event loop.
struct LineReadGate: NIOAsyncSequenceProducerDelegate {
    private let handler: NIOLoopBound<LineHandler>
    private let eventLoop: any EventLoop

    init(handler: LineHandler, eventLoop: any EventLoop) {
        self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
        self.eventLoop = eventLoop
    }

    func produceMore() {
        eventLoop.execute { handler.value.consumerWantsMore() }
    }

    func didTerminate() {
        eventLoop.execute { handler.value.end(.closedLocally) }
    }
}
