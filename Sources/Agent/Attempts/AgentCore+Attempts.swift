import OrderedCollections
import PodlingProtocol

/// The progress of an attempt from its assignment to its running container, one engine call after the other.
extension AgentCore {
    /// Count of attempts that have, or are about to have, a container that could run.
    private var occupiedSlots: Int {
        attempts.values.count { $0.isLive && $0.stage != .waiting } + discarding.count
    }

    mutating func adopt(_ container: AdoptedContainer) {
        guard attempts[container.key] == nil else { return }
        var record = AttemptRecord(key: container.key, plan: nil)
        record.containerId = container.id
        switch container.state {
        case .created:
            // It never starts here: `register` does not name it, so the master places the attempt again.
            note(.info, "found a container that never started", container.key)
            bury(container.key)
            beginDiscard(container.key, containerId: container.id)
            return
        case .running:
            note(.info, "found a running container", container.key)
            record.stage = .running
            record.report = AttemptReport(.running, containerId: container.id)
            record.isCallOpen = true
            actions.append(.wait(container.key, containerId: container.id))
        case .exited(let status):
            note(.info, "found an ended container", container.key)
            record.stage = .ended
            record.report = record.report(for: status)
        }
        attempts[container.key] = record
    }

    mutating func assigned(_ key: AttemptKey, _ plan: AttemptPlan) {
        guard attempts[key] == nil else { return assignedAgain(key) }
        if tombstones.contains(key) || discarding[key] != nil {
            return rejectAssignment(key, "this attempt was here before")
        }
        guard shutdown == nil else { return rejectAssignment(key, Self.shutdownRefusal) }
        guard isEngineThere else { return rejectAssignment(key, engineRefusal) }
        guard attempts.values.count(where: \.isLive) < configuration.slots else {
            return rejectAssignment(key, "all \(configuration.slots) slots are taken")
        }
        guard attempts.count < configuration.slots + AgentLimits.unacknowledgedReportsMax else {
            return rejectAssignment(key, "too many reports wait for the master")
        }
        var record = AttemptRecord(key: key, plan: plan)
        record.acceptAt = now + AgentLimits.acceptDelayMilliseconds
        attempts[key] = record
        advance(key)
    }

    /// Handles a repeated assignment, idempotently: reports its state again, and starts nothing a second time.
    private mutating func assignedAgain(_ key: AttemptKey) {
        note(.info, "assigned again", key)
        if attempts[key]?.report == nil {
            request(.accept(key), as: .accept(key))
        } else {
            sendReport(key, again: true)
        }
    }

    mutating func rejectAssignment(_ key: AttemptKey, _ why: String) {
        note(.warning, "rejected: \(why)", key)
        if attempts[key] == nil { bury(key) }
        request(.reject(key, error: why), as: .reject(key))
    }

    mutating func advanceAll() {
        for (key, record) in attempts where record.isLive && !record.isCallOpen { advance(key) }
    }

    /// Makes the next engine call, if one is due.
    mutating func advance(_ key: AttemptKey) {
        guard let record = attempts[key], record.isLive, !record.isCallOpen, record.retryAt.map({ now >= $0 }) ?? true
        else { return }
        guard record.stage != .running else {
            guard let containerId = record.containerId else { return }
            return open(key, .running, .wait(key, containerId: containerId))
        }
        guard record.stopCause == nil else { return endBeforeStart(key) }
        guard shutdown == nil || record.mayHaveStarted else { return handBack(key, Self.shutdownRefusal) }
        guard isLeaseTrusted, let plan = record.plan else { return }
        switch record.stage {
        case .waiting where occupiedSlots >= configuration.slots: break
        case .waiting, .preparing:
            open(key, .preparing, .prepare(key, image: plan.container.image, plan.pullPolicy))
        case .creating: open(key, .creating, .create(plan.container))
        case .starting:
            guard let containerId = record.containerId else { return }
            open(key, .starting, .start(key, containerId: containerId))
        case .running, .ended: break
        }
    }

    private mutating func open(_ key: AttemptKey, _ stage: AttemptRecord.Stage, _ action: AgentAction) {
        attempts[key]?.stage = stage
        attempts[key]?.isCallOpen = true
        attempts[key]?.retryAt = nil
        actions.append(action)
    }

    /// Closes the open call if the answer belongs to it; returns whether it does.
    private mutating func close(_ key: AttemptKey, _ stage: AttemptRecord.Stage) -> Bool {
        guard let record = attempts[key], record.stage == stage, record.isCallOpen else { return false }
        attempts[key]?.isCallOpen = false
        return true
    }

    private mutating func enter(_ key: AttemptKey, _ stage: AttemptRecord.Stage) {
        attempts[key]?.stage = stage
        attempts[key]?.tries = 0
        attempts[key]?.firstFailureAt = nil
    }

    mutating func prepared(_ key: AttemptKey) {
        guard close(key, .preparing) else { return }
        enter(key, .creating)
        advance(key)
    }

    mutating func created(_ key: AttemptKey, _ containerId: String) {
        guard !stepEndedWhileDiscarding(key, containerId) else { return }
        guard close(key, .creating) else { return }
        enter(key, .starting)
        attempts[key]?.containerId = containerId
        advance(key)
    }

    mutating func started(_ key: AttemptKey, _ milliseconds: Int64) {
        guard !stepEndedWhileDiscarding(key, nil) else { return }
        guard close(key, .starting), let containerId = attempts[key]?.containerId else { return }
        engineWorked()
        enter(key, .running)
        attempts[key]?.startedAtMilliseconds = milliseconds
        setReport(key, AttemptReport(.running, containerId: containerId, startedAtMilliseconds: milliseconds))
        serveWaitingLogs(key, containerId)
        advance(key)
        if attempts[key]?.stopCause != nil { stop(key) } else if shutdown != nil { evict(key) }
    }

    mutating func exited(_ key: AttemptKey, _ status: ExitStatus) {
        guard close(key, .running), let record = attempts[key] else { return }
        if record.stopCause == .evicted {
            forget(key)
        } else {
            end(key, record.report(for: status), keepsContainer: true)
        }
    }

    mutating func failed(_ key: AttemptKey, _ step: EngineStep, _ error: RuntimeError) {
        switch step {
        case .prepare: stepFailed(key, .preparing, error)
        case .create:
            if !stepEndedWhileDiscarding(key, nil) { stepFailed(key, .creating, error) }
        case .start:
            if !stepEndedWhileDiscarding(key, nil) { stepFailed(key, .starting, error) }
        case .wait: waitFailed(key, error)
        case .stop: stopFailed(key, error)
        }
    }

    private mutating func stepFailed(_ key: AttemptKey, _ stage: AttemptRecord.Stage, _ error: RuntimeError) {
        guard close(key, stage) else { return }
        note(.warning, "\(stage): \(error)", key)
        attempts[key]?.tries += 1
        guard let record = attempts[key], record.stopCause == nil else { return endBeforeStart(key) }
        let isOfEngine = error.kind == .engineUnavailable || (error.kind == .timeout && stage != .preparing)
        if isOfEngine, record.tries >= AgentLimits.engineTriesMax { engineIsAway(error.message) }
        // The attempt may have been handed back.
        guard attempts[key] != nil else { return }
        guard isOfEngine || (error.isRetryable && record.tries < AgentLimits.stepTriesMax) else {
            return stepGivenUp(key, stage, error)
        }
        let delay = retryDelay(record.tries)
        attempts[key]?.retryAt = now + delay
    }

    /// Hands back to the master what another node might do better: an engine's own fault, before there is a container,
    /// is not the task's.
    private mutating func stepGivenUp(_ key: AttemptKey, _ stage: AttemptRecord.Stage, _ error: RuntimeError) {
        guard error.isRetryable, error.kind == .other, stage == .preparing || stage == .creating else {
            let reason = Self.reason(stage, error.kind)
            return end(key, AttemptReport(.failed, reason: reason, error: error.message), keepsContainer: false)
        }
        probe()
        handBack(key, "\(stage): \(error.message)")
    }

    private static func reason(_ stage: AttemptRecord.Stage, _ kind: RuntimeError.Kind) -> AttemptReport.Reason {
        switch kind {
        case .engineUnavailable: .runtimeError
        case .imagePull, .imageNotFound: .imagePull
        case .timeout: stage == .preparing ? .imagePull : .startFailed
        case .nameConflict, .notFound, .invalidSpec, .other: stage == .preparing ? .imagePull : .startFailed
        }
    }

    /// Exponential back-off with jitter, up to a bound.
    func retryDelay(_ tries: Int) -> Int64 {
        AgentLimits.stepRetry.milliseconds(doublings: tries - 1, jitter: jitter)
    }

    /// Handles a failed wait: one for a missing container ends the attempt; for any other fault the wait is repeated,
    /// as the container may be running.
    private mutating func waitFailed(_ key: AttemptKey, _ error: RuntimeError) {
        guard close(key, .running), let record = attempts[key] else { return }
        note(.warning, "wait: \(error)", key)
        guard error.kind == .notFound else {
            attempts[key]?.tries += 1
            let delay = retryDelay(record.tries + 1)
            attempts[key]?.retryAt = now + delay
            return
        }
        switch record.stopCause {
        case .cancelled: end(key, AttemptReport(.cancelled, containerId: record.containerId), keepsContainer: false)
        case .evicted: forget(key)
        case nil:
            let report = AttemptReport(
                .failed,
                containerId: record.containerId,
                reason: .runtimeError,
                error: error.message,
                startedAtMilliseconds: record.startedAtMilliseconds
            )
            end(key, report, keepsContainer: false)
        }
    }

    mutating func tickAttempt(_ key: AttemptKey) {
        guard let record = attempts[key] else { return }
        if let time = record.acceptAt, now >= time {
            attempts[key]?.acceptAt = nil
            if record.report == nil, record.isLive { setReport(key, AttemptReport(.scheduled, detail: detail(record))) }
        }
        if let time = record.resendAt, now >= time {
            attempts[key]?.resendAt = nil
            sendReport(key)
        }
        if let time = record.stopRetryAt, now >= time {
            attempts[key]?.stopRetryAt = nil
            stop(key)
        }
        if let time = record.retryAt, now >= time {
            attempts[key]?.retryAt = nil
            advance(key)
        }
    }

    private func detail(_ record: AttemptRecord) -> String {
        switch record.stage {
        case .waiting: "waiting for a slot"
        case .preparing: "pulling \(record.plan?.container.image ?? "")"
        case .creating: "creating the container"
        case .starting: "starting the container"
        case .running, .ended: ""
        }
    }
}
