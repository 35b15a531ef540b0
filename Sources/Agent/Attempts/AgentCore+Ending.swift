import OrderedCollections
import PodlingProtocol

/// How an attempt ends, by itself or by order, and what is left of it.
extension AgentCore {
    /// Its end is wanted, by an event or a `kill` list. Level-triggered: it may come any number of times.
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
            // A start that is under way is waited for, so that what it started can be stopped with its grace.
            if !record.isCallOpen { endBeforeStart(key) }
        case .running: stop(key)
        case .ended: break
        }
    }

    /// An attempt that never came here, or left nothing, does not run here: that is what the master wants to hear.
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

    /// The container may still run: the stop is made again, and before long without grace.
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

    /// It is no longer ours: whatever it has is killed and removed, and nothing is reported.
    mutating func forget(_ key: AttemptKey) {
        if let old = finished.removeValue(forKey: key) { actions.append(.remove(containerId: old.containerId)) }
        guard let record = attempts.removeValue(forKey: key) else { return }
        bury(key)
        endWaitingLogs(key)
        dispose(record)
        advanceAll()
    }

    static let shutdownRefusal = "the worker is going down"

    /// Gives an attempt that has not started back to the master, which places it anew.
    mutating func handBack(_ key: AttemptKey, _ why: String) {
        refuseAssignment(key, why)
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
                // A `create` that failed may have made one all the same.
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

    /// Whether the step belonged to an attempt that is only waiting to be removed.
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
