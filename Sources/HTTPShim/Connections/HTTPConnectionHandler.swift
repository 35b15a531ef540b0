import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Reports the activity of a connection, and rejects a request beyond the limit.
final class HTTPConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How long a peer may take to read the rejection before its connection is closed.
    private static let lingerTime = TimeAmount.seconds(1)

    private let connections: HTTPConnections
    /// Requests whose head was received, and whose response is not complete.
    private var underWay = 0
    private var isRefused = false

    init(_ connections: HTTPConnections) { self.connections = connections }

    func handlerAdded(context: ChannelHandlerContext) {
        connections.opened(context.channel)
        let pipeline = context.pipeline.syncOperations
        if let codec = try? pipeline.handler(type: HTTP1ToHTTPServerCodec.self) {
            try? pipeline.addHandler(HTTPFramingHandler(), position: .before(codec))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        if case .head(let head) = unwrapInboundIn(data) {
            let isProbe = Route(path: URI(head.path ?? "").path)?.isProbe == true
            guard connections.begins(context.channel, isProbe: isProbe) else { return refuse(context) }
            underWay += 1
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            underWay -= 1
            if underWay == 0 { connections.isIdle(context.channel) }
        }
        context.write(data, promise: promise)
    }

    /// A rejection cannot follow responses that are pending on this connection: it is then closed without one.
    private func refuse(_ context: ChannelHandlerContext) {
        isRefused = true
        guard underWay == 0 else { return context.close(promise: nil) }
        let problem = HTTPProblem.overloaded("as many requests are under way as this master takes over HTTP")
        let body = problem.body
        var head = HTTPResponse(status: problem.status, headerFields: problem.headers)
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.connection] = "close"
        head.headerFields[.contentLength] = String(body.count)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.lingerTime) { bound.value.close(promise: nil) }
    }
}

@available(*, unavailable)
extension HTTPConnectionHandler: Sendable {}
