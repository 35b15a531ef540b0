extension AttemptRecord {
    /// The report of its end. An attempt that was stopped is cancelled, whatever its exit code, unless it had ended
    /// before.
    func report(for status: ExitStatus) -> AttemptReport {
        var report = AttemptReport(
            .completed,
            containerId: containerId,
            exitCode: status.exitCode,
            error: status.message,
            startedAtMilliseconds: status.startedAtMilliseconds ?? startedAtMilliseconds,
            finishedAtMilliseconds: status.finishedAtMilliseconds
        )
        report.isBeforeSignal = isBeforeSignal(status)
        if stopCause != nil, !report.isBeforeSignal {
            report.status = .cancelled
        } else if status.exitCode != 0 {
            report.status = .failed
            report.reason = status.oomKilled ? .oomKilled : .exitCode
        }
        return report
    }

    /// A file's time may be one tick of the kernel's clock early; where the order is unclear, the stop came first.
    private static let clockStepMilliseconds: Int64 = 50

    private func isBeforeSignal(_ status: ExitStatus) -> Bool {
        guard let stopSentAtMilliseconds, let finishedAt = status.finishedAtMilliseconds else { return false }
        return finishedAt < stopSentAtMilliseconds - Self.clockStepMilliseconds
    }
}
