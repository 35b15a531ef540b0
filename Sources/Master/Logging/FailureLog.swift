import Logging
import NIOConcurrencyHelpers
import NIOCore
import PodlingProtocol

/// Rate-limited log of protocol and TLS errors made by peers.
package final class FailureLog: Sendable {
    private struct Period {
        var start = NIODeadline.uptimeNanoseconds(0)
        var lineCount = 0
        var leftOut = 0
    }

    private static let linesMax = 20
    private static let periodLength = TimeAmount.seconds(10)

    private let logger: Logger
    private let period = NIOLockedValueBox(Period())

    package init(_ logger: Logger) { self.logger = logger }

    package func add(_ message: String, peer: SocketAddress?) {
        let now = NIODeadline.now()
        let (isShown, leftOut) = period.withLockedValue { period -> (Bool, Int) in
            var leftOut = 0
            if now - period.start >= Self.periodLength {
                leftOut = period.leftOut
                period = Period(start: now)
            }
            period.lineCount += 1
            guard period.lineCount > Self.linesMax else { return (true, leftOut) }
            period.leftOut += 1
            return (false, leftOut)
        }
        if leftOut > 0 { logger.notice("more such lines were left out", metadata: ["count": "\(leftOut)"]) }
        if isShown { logger.notice("\(message)", metadata: ["peer": "\(peer?.hostPort?.description ?? "gone")"]) }
    }
}
