import Testing

@testable import PodlingAgent

/// An unavailable engine fails no attempt.
@Suite struct AgentEngineTests {
    private static let away = RuntimeError(.engineUnavailable, "no such socket")
    private static let broken = RuntimeError(.other, "the engine answered 500", retryable: true)

    private func fail(
        _ trace: AgentTrace,
        _ key: AttemptKey,
        _ step: EngineStep,
        _ error: RuntimeError
    ) -> [AgentAction] {
        let actions = trace.on(.failed(key, step, error)) + trace.pass(AgentLimits.stepRetryMillisecondsMax)
        trace.acknowledge(AgentTrace.orders())
        return actions
    }

    private static let refusal = "the engine is away: no such socket"

    @Test(arguments: [(AttemptRecord.Stage.preparing, EngineStep.prepare), (.creating, .create)])
    func whatHasNotStartedGoesBack(_ stage: AttemptRecord.Stage, _ step: EngineStep) {
        let trace = AgentTrace(slots: 3)
        trace.register()
        trace.bring(.second, to: .running)
        trace.acknowledge()
        trace.bring(.first, to: stage)
        _ = fail(trace, .first, step, Self.away)
        #expect(trace.reports.filter(\.isTerminal).isEmpty)
        let bodies = trace.on(.failed(.first, step, Self.away)).bodies
        #expect(bodies == [.sickHeartbeat(engineError: "no such socket"), .reject(.first, error: Self.refusal)])
        #expect(trace.assign(.third).bodies == [.reject(.third, error: Self.refusal)])
    }

    @Test func itComesBackByItself() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .preparing)
        for _ in 0..<2 { _ = trace.on(.failed(.first, .prepare, Self.away)) + trace.pass(600) }
        trace.pass(AgentLimits.probeMilliseconds)
        #expect(trace.count { $0 == .probe } == 1)
        #expect(trace.on(.probed(Self.away)).isEmpty)
        trace.pass(AgentLimits.probeMilliseconds * 2)
        #expect(trace.count { $0 == .probe } == 2)
        #expect(trace.on(.probed(nil)).bodies == [.heartbeat])
        #expect(trace.assign(.second).contains(.prepare(.second, image: "busybox", .missing)))
    }

    @Test func aRegistrationSaysIt() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .preparing)
        for _ in 0..<2 { _ = trace.on(.failed(.first, .prepare, Self.away)) + trace.pass(600) }
        trace.on(.disconnected("cut"))
        trace.register()
        let told = trace.actions.compactMap { action -> String? in
            guard case .register(let configuration, _)? = action.body else { return nil }
            return configuration.engineError
        }
        #expect(told == ["no such socket"])
    }

    /// Two nodes must not run it at once.
    @Test func whatMayHaveStartedIsHeldUntilItIsKnown() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .starting)
        for _ in 0..<50 { _ = fail(trace, .first, .start, Self.away) }
        #expect(trace.reports.filter(\.isTerminal).isEmpty)
        #expect(!trace.actions.bodies.contains { if case .reject = $0 { true } else { false } })
        trace.on(.probed(nil))
        #expect(trace.on(.started(.first, atMilliseconds: 1)).reports.map(\.status) == [.running])
    }

    /// An engine's fault is not the task's; the engine is then probed.
    @Test func whatItCannotMakeGoesElsewhere() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .creating)
        for _ in 1..<AgentLimits.stepTriesMax { _ = fail(trace, .first, .create, Self.broken) }
        let actions = trace.on(.failed(.first, .create, Self.broken))
        #expect(actions.bodies == [.reject(.first, error: "creating: the engine answered 500")])
        #expect(actions.contains(.probe))
        #expect(trace.on(.probed(nil)).isEmpty)
        #expect(trace.assign(.second).contains(.prepare(.second, image: "busybox", .missing)))
    }

    @Test func aTaskThatCannotRunIsFailedAsBefore() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .creating)
        let reports = trace.on(.failed(.first, .create, RuntimeError(.invalidSpec, "no"))).reports
        #expect(reports.map(\.reason) == [.startFailed])
    }
}
