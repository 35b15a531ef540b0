import OrderedCollections
import PodlingProtocol

/// Handles an unavailable engine: attempts that were to start are handed back to the master, which learns the reason
/// and assigns nothing more until the engine answers again.
extension AgentCore {
    /// The known health of the engine.
    struct EngineHealth {
        /// Why it counts as unavailable; nil while it is available.
        var error: String?
        /// When to probe it next; nil while there is no doubt, or a probe is in flight.
        var probeAt: Int64?
        var isProbing = false
        /// Consecutive failures since a container was last started.
        var failures = 0
    }

    /// Whether an attempt that has not started may call the engine.
    var isEngineThere: Bool { health.error == nil }

    mutating func tickEngine() {
        guard let time = health.probeAt, now >= time else { return }
        probe()
    }

    /// Probes whether the engine answers.
    mutating func probe() {
        guard !health.isProbing else { return }
        health.probeAt = nil
        health.isProbing = true
        actions.append(.probe)
    }

    mutating func probed(_ error: RuntimeError?) {
        health.isProbing = false
        if let error { return engineIsAway(error.message) }
        guard health.error != nil else { return }
        health.error = nil
        note(.info, "the engine answers again")
        tellEngine()
        advanceAll()
    }

    mutating func engineIsAway(_ why: String) {
        if !health.isProbing, health.probeAt == nil {
            health.probeAt = now + AgentLimits.probe.milliseconds(doublings: health.failures, jitter: jitter)
            health.failures += 1
        }
        guard health.error == nil else { return }
        health.error = why
        note(.warning, "the engine is away, and gets no work: \(why)")
        // Before the rejections: rejected attempts are to be placed on other nodes.
        tellEngine()
        for (key, record) in attempts where record.isLive && !record.mayHaveStarted { handBack(key, engineRefusal) }
    }

    /// The reason with which attempts are rejected meanwhile.
    var engineRefusal: String { "the engine is away: \(health.error ?? "it does not answer")" }

    /// A container was started: the engine is healthy.
    mutating func engineWorked() {
        health.failures = 0
    }

    private mutating func tellEngine() {
        guard isRegistered else { return }
        heartbeat()
    }
}
