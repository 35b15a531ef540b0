import Logging
import NIOConcurrencyHelpers
import NIOCore
import PodlingProtocol

/// Rate-limited log of protocol and TLS errors made by peers.
package final class FailureLog: Sendable {
    private let logger: Logger
    private let budget = NIOLockedValueBox(LineBudget(linesMax: 20, period: .seconds(10)))

    package init(_ logger: Logger) { self.logger = logger }

    package func add(_ message: String, peer: SocketAddress?) {
        guard let leftOut = budget.withLockedValue({ $0.take(now: .now()) }) else { return }
        if leftOut > 0 { logger.notice("more such lines were left out", metadata: ["count": "\(leftOut)"]) }
        logger.notice("\(message)", metadata: ["peer": "\(peer?.hostPort?.description ?? "gone")"])
    }
}
