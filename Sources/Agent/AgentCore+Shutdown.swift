import OrderedCollections
import PodlingProtocol

/// The shutdown of the process.
///
/// Attempts that have not started are handed back to the master. Running ones continue, and the next start adopts them;
/// or, with `stopsOnExit`, they are stopped and the node is deregistered, so that the master places them elsewhere by
/// `onNodeLost`.
extension AgentCore {
    mutating func beginShutdown() {
        guard shutdown == nil else { return }
        var graceSeconds = 0
        if configuration.stopsOnExit {
            for record in attempts.values where record.isLive { graceSeconds = max(graceSeconds, Self.grace(record)) }
        }
        let wait = AgentLimits.shutdownMilliseconds + Int64(graceSeconds) * 1_000
        shutdown = Shutdown(deadline: now + wait)
        note(.info, "going down with \(attempts.values.count(where: \.isLive)) live attempts")
        for (key, record) in attempts where record.isLive {
            if record.isRunning {
                evict(key)
            } else if !record.mayHaveStarted, !record.isCallOpen || record.stage == .preparing {
                handBack(key, Self.shutdownRefusal)
            }
        }
    }

    /// With `stopsOnExit`, stops a running attempt.
    mutating func evict(_ key: AttemptKey) {
        guard configuration.stopsOnExit, let record = attempts[key], record.stopCause == nil else { return }
        attempts[key]?.stopCause = .evicted
        attempts[key]?.graceSeconds = Self.grace(record)
        stop(key)
    }

    private static func grace(_ record: AttemptRecord) -> Int {
        record.plan?.container.stopGraceSeconds ?? Limits.stopGraceSecondsDefault
    }

    /// Finishes as soon as no attempt is half done and every report is acknowledged, or at the deadline.
    mutating func continueShutdown() {
        guard let shutdown, !shutdown.isOver else { return }
        if now < shutdown.deadline {
            guard discarding.isEmpty, !attempts.values.contains(where: \.isHalfDone) else { return }
            if isRegistered {
                guard !attempts.values.contains(where: { !$0.isLive }), !isRejecting else { return }
                if configuration.stopsOnExit, !shutdown.isDeregistered {
                    guard !shutdown.isDeregistering else { return }
                    self.shutdown?.isDeregistering = true
                    request(.deregister, as: .deregister)
                    return
                }
            }
        }
        self.shutdown?.isOver = true
        stopAllLogs()
        actions.append(.finish)
    }

    private var isRejecting: Bool {
        pending.values.contains { request in
            if case .reject = request.kind { true } else { false }
        }
    }
}

extension AttemptRecord {
    /// Whether the end of the process now would leave a step begun and not finished.
    fileprivate var isHalfDone: Bool { isLive && (!isRunning || stopCause == .evicted) }
}
