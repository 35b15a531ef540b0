import OrderedCollections
import PodlingProtocol

/// Delivers reports to the master, with retries until they are acknowledged.
extension AgentCore {
    mutating func setReport(_ key: AttemptKey, _ report: AttemptReport) {
        attempts[key]?.report = report
        attempts[key]?.isAcknowledged = false
        attempts[key]?.reportRequest = nil
        attempts[key]?.resendAt = nil
        sendReport(key)
    }

    /// Sends an unacknowledged report; without a registration it waits for one.
    mutating func sendReport(_ key: AttemptKey, again: Bool = false) {
        guard isRegistered, let record = attempts[key], let report = record.report, record.reportRequest == nil,
            again || !record.isAcknowledged
        else { return }
        let id = request(.status(key, report), as: .report(key))
        attempts[key]?.reportRequest = id
    }

    mutating func acknowledged(_ key: AttemptKey, request: Int) {
        guard let record = attempts[key], record.reportRequest == request else { return }
        attempts[key]?.reportRequest = nil
        attempts[key]?.isAcknowledged = true
        guard !record.isLive else { return }
        attempts[key] = nil
        bury(key)
        if let containerId = record.containerId { keep(key, containerId) }
    }

    mutating func reportRefused(_ key: AttemptKey, request: Int, _ fault: MasterFault) {
        if fault.means(.staleAttempt) || fault.means(.notFound) {
            note(.info, "no longer ours: \(fault.code)", key)
            return forget(key)
        }
        guard let record = attempts[key], record.reportRequest == request else { return }
        note(.warning, "report refused: \(fault.code): \(fault.message)", key)
        attempts[key]?.reportRequest = nil
        if fault.isRetryable {
            let wanted = fault.retryAfterMilliseconds ?? AgentLimits.retryMilliseconds
            let delay = spread(min(max(wanted, 1) * 2, AgentLimits.retryMillisecondsMax))
            attempts[key]?.resendAt = now + delay
        } else if record.isLive {
            attempts[key]?.isAcknowledged = true
        } else if record.wasReportRefused {
            forget(key)
        } else {
            // The attempt is over, and the master must learn that in some form that it accepts.
            attempts[key]?.wasReportRefused = true
            let error = "the master refused the report of its end: \(fault.message)"
            setReport(key, AttemptReport(.failed, reason: .runtimeError, error: error))
        }
    }
}
