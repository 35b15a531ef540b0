import OrderedCollections
import PodlingProtocol

/// The end of the process.
///
/// What has not started goes back to the master. What runs is left running and is found again at the next start; or, with
/// `stopsOnExit`, it is stopped and the node deregistered, so that the master places it elsewhere as `onNodeLost` says.
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
            } else if !record.isCallOpen || record.stage == .preparing {
                handBack(key, Self.shutdownRefusal)
            }
        }
    }

    /// With `stopsOnExit`, stops what runs.
    mutating func evict(_ key: AttemptKey) {
        guard configuration.stopsOnExit, let record = attempts[key], record.stopCause == nil else { return }
        attempts[key]?.stopCause = .evicted
        attempts[key]?.graceSeconds = Self.grace(record)
        stop(key)
    }

    private static func grace(_ record: AttemptRecord) -> Int {
        record.plan?.container.stopGraceSeconds ?? Limits.stopGraceSecondsDefault
    }

    /// Ends as soon as nothing is half done and nothing is unsaid, or the deadline has passed.
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
    /// Ending the process now would leave something begun and not finished.
    fileprivate var isHalfDone: Bool { isLive && (!isRunning || stopCause == .evicted) }
}
