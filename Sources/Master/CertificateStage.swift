import Logging
import PodlingTLS

/// How near a certificate's end is, for the log.
struct CertificateStage: Equatable {
    private static let secondsPerDay = 86_400
    /// Days before the end from which it is said, and how loud.
    private static let stages: [(days: Int, level: Logger.Level)] = [(1, .error), (7, .warning), (30, .notice)]

    let level: Logger.Level
    let text: String

    /// - Parameter now: Unix time in seconds.
    init(_ certificate: CertificateFacts, now: Int) {
        if let offence = certificate.dateOffence(now: now) {
            level = .error
            text =
                "this master's certificate \(offence): clients that check it refuse this master. "
                + "Put a new one in its place, and send SIGHUP"
            return
        }
        let left = (certificate.notAfter ?? .max) - now
        let stage = Self.stages.first { left <= $0.days * Self.secondsPerDay }
        level = stage?.level ?? .info
        let days = left / Self.secondsPerDay
        let remains = days < 1 ? "in less than a day" : days == 1 ? "in a day" : "in \(days) days"
        text =
            stage == nil
            ? "this master's certificate is good"
            : "this master's certificate ends \(remains). Put a new one in its place, and send SIGHUP"
    }
}
