import Logging
import NIOCore
import PodlingCore
import PodlingProtocol

/// Rate-limited log of requests that were denied.
struct DenialLog {
    private var budget = LineBudget(linesMax: 20, period: .seconds(1))

    mutating func write(_ denials: [Denial], leftOut: Int, to logger: Logger) {
        let now = NIODeadline.now()
        for denial in denials {
            guard let leftOut = budget.take(now: now) else { continue }
            var metadata: Logger.Metadata = [
                "who": "\(denial.identity ?? "nobody")", "peer": "\(denial.peer)", "operation": "\(denial.operation)",
                "code": "\(denial.code.rawValue)", "reason": "\(denial.reason)",
            ]
            if leftOut > 0 { metadata["leftOutBefore"] = "\(leftOut)" }
            logger.warning("denied", metadata: metadata)
        }
        budget.leave(leftOut)
    }
}
