import OrderedCollections
import PodlingProtocol

/// An engine that runs nothing: what it was to start goes back to the master, which hears why and sends nothing more until
/// the engine answers again.
extension AgentCore {
    /// What is known of the engine's health.
    struct EngineHealth {
        /// Why it counts as away; nil while it does not.
        var error: String?
        /// When it is asked next whether it answers; nil while there is no doubt, or an answer is awaited.
        var probeAt: Int64?
        var isProbing = false
        /// Times in a row, since a container was last started, that it was found to be away.
        var failures = 0
    }

    /// Whether something may be asked of the engine for an attempt that has not started.
    var isEngineThere: Bool { health.error == nil }

    mutating func tickEngine() {
        guard let time = health.probeAt, now >= time else { return }
        probe()
    }

    /// Asks the engine whether it answers.
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
        // Before the rejections: what is rejected is to go elsewhere.
        tellEngine()
        for (key, record) in attempts where record.isLive && !record.mayHaveStarted { handBack(key, engineRefusal) }
    }

    /// Why an attempt is rejected meanwhile.
    var engineRefusal: String { "the engine is away: \(health.error ?? "it does not answer")" }

    /// A container was started: the engine is well.
    mutating func engineWorked() {
        health.failures = 0
    }

    private mutating func tellEngine() {
        guard isRegistered else { return }
        heartbeat()
    }
}

extension AttemptRecord {
    /// Its container runs, or was asked to: nobody else may have it before that is known.
    fileprivate var mayHaveStarted: Bool {
        stage == .running || (stage == .starting && (isCallOpen || tries > 0))
    }
}
