import OrderedCollections
import PodlingProtocol

/// The end of an attempt, by itself or on request, and its cleanup.
extension AgentCore {
    /// Handles a request to end, from an event or a `kill` list. Level-triggered: it may be repeated any number of
    /// times.
    mutating func cancelled(_ key: AttemptKey, _ graceSeconds: Int) {
        guard let record = attempts[key] else { return cancelledUnknown(key) }
        guard record.isLive else { return sendReport(key) }
        let isSooner = graceSeconds < record.graceSeconds
        guard record.stopCause != .cancelled || isSooner else { return }
        attempts[key]?.stopCause = .cancelled
        attempts[key]?.graceSeconds = graceSeconds
        switch record.stage {
        case .waiting, .preparing, .creating: endBeforeStart(key)
        case .starting:
            // A start in flight is awaited, so that the container can be stopped with its grace.
            if !record.isCallOpen { endBeforeStart(key) }
        case .running: stop(key)
        case .ended: break
        }
    }

    /// Confirms the end of an attempt that never arrived here, or left nothing: it does not run here, which is what the
    /// master needs to know.
    private mutating func cancelledUnknown(_ key: AttemptKey) {
        guard discarding[key] == nil, !tombstones.contains(key) else { return }
        guard attempts.count < configuration.slots + AgentLimits.unacknowledgedReportsMax else { return }
        attempts[key] = AttemptRecord(key: key, plan: nil, stage: .ended)
        setReport(key, AttemptReport(.cancelled))
    }

    mutating func stop(_ key: AttemptKey) {
        guard let record = attempts[key], record.stage == .running, let containerId = record.containerId else { return }
        attempts[key]?.stopRetryAt = nil
        if record.stopSentAtMilliseconds == nil { attempts[key]?.stopSentAtMilliseconds = wall }
        actions.append(.stop(key, containerId: containerId, graceSeconds: record.graceSeconds))
    }

    /// Handles a failed stop: the container may still run, so the stop is retried, and before long without grace.
    mutating func stopFailed(_ key: AttemptKey, _ error: RuntimeError) {
        guard let record = attempts[key], record.stage == .running, record.stopCause != nil else { return }
        note(.warning, "stop: \(error)", key)
        attempts[key]?.tries += 1
        if record.tries + 1 >= AgentLimits.stepTriesMax { attempts[key]?.graceSeconds = 0 }
        let delay = retryDelay(record.tries + 1)
        attempts[key]?.stopRetryAt = now + delay
    }

    mutating func endBeforeStart(_ key: AttemptKey) {
        end(key, AttemptReport(.cancelled), keepsContainer: false)
    }

    mutating func end(_ key: AttemptKey, _ report: AttemptReport, keepsContainer: Bool) {
        guard let record = attempts[key] else { return }
        if !keepsContainer {
            dispose(record)
            attempts[key]?.containerId = nil
            endWaitingLogs(key)
        }
        attempts[key]?.stage = .ended
        attempts[key]?.isCallOpen = false
        attempts[key]?.acceptAt = nil
        attempts[key]?.retryAt = nil
        attempts[key]?.stopRetryAt = nil
        setReport(key, report)
        advanceAll()
    }

    /// Drops an attempt that is no longer this worker's: its container is killed and removed, and nothing is reported.
    mutating func forget(_ key: AttemptKey) {
        if let old = finished.removeValue(forKey: key) { actions.append(.remove(containerId: old.containerId)) }
        guard let record = attempts.removeValue(forKey: key) else { return }
        bury(key)
        endWaitingLogs(key)
        dispose(record)
        advanceAll()
    }

    static let shutdownRefusal = "the worker is going down"

    /// Hands an attempt that has not started back to the master, which places it again.
    mutating func handBack(_ key: AttemptKey, _ why: String) {
        rejectAssignment(key, why)
        forget(key)
    }

    private mutating func dispose(_ record: AttemptRecord) {
        switch record.stage {
        case .waiting: break
        case .preparing:
            if record.isCallOpen { actions.append(.abandonPrepare(record.key)) }
        case .creating, .starting:
            if record.isCallOpen {
                discarding[record.key] = Discard(awaitsStep: true, containerId: record.containerId)
            } else if record.containerId != nil || record.tries > 0 {
                // A failed `create` may have made a container all the same.
                beginDiscard(record.key, containerId: record.containerId)
            }
        case .running, .ended:
            if let containerId = record.containerId { beginDiscard(record.key, containerId: containerId) }
        }
    }

    mutating func beginDiscard(_ key: AttemptKey, containerId: String?) {
        discarding[key] = Discard(awaitsStep: false, containerId: containerId)
        actions.append(.discard(key, containerId: containerId))
    }

    /// Returns whether the step belonged to an attempt whose container is only to be removed.
    mutating func stepEndedWhileDiscarding(_ key: AttemptKey, _ containerId: String?) -> Bool {
        guard let discard = discarding[key] else { return false }
        if discard.awaitsStep { beginDiscard(key, containerId: containerId ?? discard.containerId) }
        return true
    }

    mutating func discarded(_ key: AttemptKey) {
        guard discarding.removeValue(forKey: key) != nil else { return }
        advanceAll()
    }

    mutating func bury(_ key: AttemptKey) {
        tombstones.append(key)
        if tombstones.count > AgentLimits.tombstonesMax { tombstones.removeFirst() }
    }
}

/// Ended containers, kept for their output.
extension AgentCore {
    mutating func keep(_ key: AttemptKey, _ containerId: String) {
        let removeAt = now + Int64(configuration.keepFinishedSeconds) * 1_000
        finished[key] = FinishedAttempt(key: key, containerId: containerId, removeAt: removeAt)
        expireFinished()
    }

    mutating func expireFinished() {
        while let oldest = finished.values.first,
            finished.count > configuration.keepFinishedCount || now >= oldest.removeAt
        {
            finished.removeFirst()
            actions.append(.remove(containerId: oldest.containerId))
        }
    }
}
