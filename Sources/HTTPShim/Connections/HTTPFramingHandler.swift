import DequeModule
import NIOCore
import NIOHTTP1

/// Handles the differences in message framing between versions of HTTP/1 (RFC 9112), and `Expect` (RFC 9110, section
/// 10.1.1).
///
/// It is placed where message parts still have their version, which the types of the routes do not.
final class HTTPFramingHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Versions of requests whose responses are not complete, oldest first.
    private var versions: Deque<HTTPVersion> = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        if head.isOld {
            // HTTP/1.0 has no Host; the address that was connected to stands for it.
            if !head.headers.contains(name: "host") { head.headers.add(name: "host", value: "localhost") }
        } else if head.awaitsContinue, versions.isEmpty {
            let go = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(go)), promise: nil)
            // A flush that fails ends the connection before it returns.
            guard context.channel.isActive else { return }
        }
        versions.append(head.version)
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = unwrapOutboundIn(data)
        guard let version = versions.first, version.isOld else {
            if case .end = part, !versions.isEmpty { versions.removeFirst() }
            return context.write(data, promise: promise)
        }
        switch part {
        case .head(var head):
            // HTTP/1.0 has no chunked encoding, so the end of the connection is the end of the body.
            head.version = .http1_0
            head.headers.remove(name: "transfer-encoding")
            head.headers.replaceOrAdd(name: "connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            versions.removeFirst()
            let sent = promise ?? context.eventLoop.makePromise()
            sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
            context.writeAndFlush(data, promise: sent)
        }
    }
}

@available(*, unavailable)
extension HTTPFramingHandler: Sendable {}

extension HTTPVersion {
    fileprivate var isOld: Bool { major < 1 || (major == 1 && minor == 0) }
}

extension HTTPRequestHead {
    fileprivate var isOld: Bool { version.isOld }

    fileprivate var awaitsContinue: Bool {
        headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
    }
}
