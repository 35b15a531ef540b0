import Logging
import NIOCore
import PodlingCore
import PodlingProtocol

/// Rate-limited log of requests that were denied.
struct DenialLog {
    private static let linesMax = 20
    private static let window = TimeAmount.seconds(1)

    private var since = NIODeadline.uptimeNanoseconds(0)
    private var lines = 0
    /// Suppressed denials that are not reported yet.
    private var leftOut = 0

    mutating func write(_ effects: borrowing Effects, to logger: Logger) {
        let now = NIODeadline.now()
        if now - since >= Self.window {
            since = now
            lines = 0
        }
        for denial in effects.denials {
            guard lines < Self.linesMax else {
                leftOut += 1
                continue
            }
            lines += 1
            var metadata: Logger.Metadata = [
                "who": "\(denial.identity ?? "nobody")", "peer": "\(denial.peer)", "operation": "\(denial.operation)",
                "code": "\(denial.code.rawValue)", "reason": "\(denial.reason)",
            ]
            if leftOut > 0 { metadata["leftOutBefore"] = "\(leftOut)" }
            leftOut = 0
            logger.warning("denied", metadata: metadata)
        }
        leftOut += effects.denialsLeftOut
    }
}
