import Glibc
import Logging
import NIOCore

/// Pauses a server socket that cannot accept, as without file descriptors, and logs the remedy.
///
/// NIO's own `AcceptBackoffHandler` delays the next read, but the socket stays registered as readable after a failed
/// accept: the loop would spin.
package final class AcceptPause: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = any Channel
    package typealias InboundOut = any Channel
    package typealias OutboundIn = any Channel
    package typealias OutboundOut = any Channel

    private static let pauseMilliseconds: ClosedRange<Int64> = 500...1_000
    /// Interval between log lines about it.
    private static let logInterval = TimeAmount.seconds(10)

    private let logger: Logger
    private var loggedAt: NIODeadline?
    private var isPaused = false

    package init(_ logger: Logger) { self.logger = logger }

    /// Defers reads during the pause to its end.
    package func read(context: ChannelHandlerContext) {
        if !isPaused { context.read() }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // One connection that was reset before it was accepted; any other error closes this channel.
        guard let code = (error as? IOError)?.errnoCode, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) else {
            if !(error is IOError) { context.fireErrorCaught(error) }
            return
        }
        log(code, context.channel.localAddress)
        guard !isPaused else { return }
        isPaused = true
        // The error is not passed on: an async channel that wraps this one would end with it.
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        let bound = NIOLoopBound((handler: self, channel: context.channel), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(.random(in: Self.pauseMilliseconds))) {
            bound.value.handler.isPaused = false
            try? bound.value.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }

    private func log(_ code: Int32, _ address: SocketAddress?) {
        let now = NIODeadline.now()
        if let loggedAt, now - loggedAt < Self.logInterval { return }
        loggedAt = now
        let cure =
            code == EMFILE || code == ENFILE
            ? "; raise the limit of open files (ulimit -n, LimitNOFILE= in a unit), or lower --connections-max" : ""
        logger.warning(
            "connections wait to be taken: \(String(cString: strerror(code)))\(cure)",
            metadata: ["address": "\(address.map { "\($0.ipAddress ?? ""):\($0.port ?? 0)" } ?? "")"]
        )
    }
}

@available(*, unavailable)
extension AcceptPause: Sendable {}
