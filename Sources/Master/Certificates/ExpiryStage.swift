import Logging
import PodlingTLS

/// Log stage of an expiry date, of a certificate or a revocation list: its level rises as the date approaches.
struct ExpiryStage: Equatable {
    private static let secondsPerDay = 86_400
    /// Days before the expiry from which it is logged, and the log level.
    private static let stages: [(days: Int, level: Logger.Level)] = [(1, .error), (7, .warning), (30, .notice)]
    private static let cure = "Put a new one in its place, and send SIGHUP"

    let level: Logger.Level
    let text: String

    /// - Parameter now: Unix time in seconds.
    static func of(_ certificate: CertificateFacts, now: Int) -> ExpiryStage {
        let what = "this master's certificate"
        if let offence = certificate.dateOffence(now: now) {
            return ExpiryStage(
                level: .error,
                text: "\(what) \(offence): clients that check it refuse this master. \(cure)"
            )
        }
        return of(what, secondsLeft: (certificate.notAfter ?? .max) - now, daysMax: .max)
    }

    /// Revocation lists live for days or weeks only: one with more than a day left is not worth a line.
    static func of(revocationEnd: Int, now: Int) -> ExpiryStage {
        let what = "a revocation list of --tls-crl"
        guard now <= revocationEnd else {
            return ExpiryStage(level: .error, text: "\(what) is out of date: no client of its CA is let in. \(cure)")
        }
        return of(what, secondsLeft: revocationEnd - now, daysMax: 1)
    }

    private static func of(_ what: String, secondsLeft: Int, daysMax: Int) -> ExpiryStage {
        guard let stage = stages.first(where: { secondsLeft <= $0.days * secondsPerDay && $0.days <= daysMax }) else {
            return ExpiryStage(level: .info, text: "\(what) is good")
        }
        let days = secondsLeft / secondsPerDay
        let remains = days < 1 ? "in less than a day" : days == 1 ? "in a day" : "in \(days) days"
        return ExpiryStage(level: stage.level, text: "\(what) ends \(remains). \(cure)")
    }
}
