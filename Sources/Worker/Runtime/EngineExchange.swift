import NIOCore
import NIOHTTP1

/// A human-readable reason why an exchange with an engine failed above the socket.
enum EngineFault: Error, Equatable, CustomStringConvertible {
    case closedEarly
    case unaskedAnswer
    case switchedProtocols
    case tooManyInterimAnswers
    case answerTooLong(bytesMax: Int)
    case readTwice
    case shutDown

    var description: String {
        switch self {
        case .closedEarly: "it closed the connection before the end of its answer"
        case .unaskedAnswer: "it sent more than one answer"
        case .switchedProtocols: "it switched to another protocol without being asked"
        case .tooManyInterimAnswers: "it sent nothing but interim answers"
        case .answerTooLong(let bytesMax): "its answer is longer than \(bytesMax) bytes"
        case .readTwice: "its answer is already being read"
        case .shutDown: "this client of it is shut down"
        }
    }
}

/// One request and its response, at the end of a connection's pipeline.
///
/// Back-pressure: nothing is read before somebody waits for it, so at most what one turn of the event loop reads is
/// buffered. The connection is closed at the end of the response. To hand it over instead (exec, attach), a 101 would
/// have to be passed on and the HTTP handlers removed.
final class EngineExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private enum Waiter {
        case head(EventLoopPromise<HTTPResponseHead>)
        case body(EventLoopPromise<ByteBuffer?>)
    }

    /// Interim responses (100 Continue and such) before the final one, at most.
    static let interimAnswersMax = 16

    private var context: ChannelHandlerContext?
    private var interimAnswers = 0
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()
    /// The end of the response; buffered bytes are delivered first.
    private var end: Result<Void, any Error>?
    /// Whether the end is final since the connection is being closed: later events do not change it.
    private var isEndFinal = false
    private var waiter: Waiter?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        if end == nil { fail(EngineFault.closedEarly) }
        settle(context)
        self.context = nil
    }

    func send(_ head: HTTPRequestHead, body: ByteBuffer?) {
        guard let context else { return }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if let body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func nextHead(_ eventLoop: any EventLoop) -> EventLoopFuture<HTTPResponseHead> {
        guard waiter == nil else { return eventLoop.makeFailedFuture(EngineFault.readTwice) }
        let promise = eventLoop.makePromise(of: HTTPResponseHead.self)
        waiter = .head(promise)
        settle(context)
        return promise.futureResult
    }

    /// The body's bytes since the last call; nil at its end.
    func nextBody(_ eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer?> {
        guard waiter == nil else { return eventLoop.makeFailedFuture(EngineFault.readTwice) }
        let promise = eventLoop.makePromise(of: ByteBuffer?.self)
        waiter = .body(promise)
        settle(context)
        return promise.futureResult
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): received(head)
        case .body(var bytes): if end == nil { body.writeBuffer(&bytes) }
        case .end: if end == nil { end = .success(()) }
        }
    }

    private func received(_ head: HTTPResponseHead) {
        guard end == nil, self.head == nil else { return fail(EngineFault.unaskedAnswer) }
        switch head.status.code {
        case 101: fail(EngineFault.switchedProtocols)
        case 100..<200:
            interimAnswers += 1
            if interimAnswers > Self.interimAnswersMax { fail(EngineFault.tooManyInterimAnswers) }
        default: self.head = head
        }
    }

    /// The end is reported only here: bytes that the engine sent after it, in the same packet, are a failure.
    func channelReadComplete(context: ChannelHandlerContext) {
        settle(context)
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if end == nil { fail(EngineFault.closedEarly) }
        settle(context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        settle(context)
    }

    /// The first failure counts; it may come after a successful end, in the same turn of the event loop.
    private func fail(_ error: any Error) {
        if case .failure = end { return }
        if !isEndFinal { end = .failure(error) }
    }

    /// Completes the waiter with what is buffered, or reads more for it.
    private func settle(_ context: ChannelHandlerContext?) {
        if end != nil, !isEndFinal {
            isEndFinal = true
            context?.close(promise: nil)
        }
        switch waiter {
        case nil: break
        case .head(let promise):
            if let head {
                waiter = nil
                promise.succeed(head)
            } else if let end {
                waiter = nil
                promise.fail(end.failure ?? EngineFault.closedEarly)
            } else {
                context?.read()
            }
        case .body(let promise):
            if body.readableBytes > 0 {
                waiter = nil
                let piece = body
                // The waiter may ask for the next chunk re-entrantly, from within its callback.
                body = ByteBuffer()
                promise.succeed(piece)
            } else if let end {
                waiter = nil
                promise.completeWith(end.map { nil })
            } else {
                context?.read()
            }
        }
    }
}

extension Result {
    fileprivate var failure: Failure? {
        if case .failure(let failure) = self { failure } else { nil }
    }
}
