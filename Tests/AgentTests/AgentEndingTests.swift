import Testing

@testable import PodlingAgent

@Suite struct AgentEndingTests {
    private let key = AttemptKey.first

    @Test(arguments: [AttemptRecord.Stage.preparing, .creating])
    func aCancelBeforeTheStartStartsNothing(_ stage: AttemptRecord.Stage) {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: stage)
        let actions = trace.on(.cancel(key, graceSeconds: 5))
        #expect(actions.reports.map(\.status) == [.cancelled])
        // The reply to the call in flight arrives after all.
        trace.on(.prepared(key))
        trace.on(.created(key, containerId: "c"))
        #expect(trace.starts == 0)
        if stage == .creating { #expect(trace.actions.last == .discard(key, containerId: "c")) }
        if stage == .preparing { #expect(actions.contains(.abandonPrepare(key))) }
    }

    @Test func aCancelWhileTheCreateFailsLooksForTheContainer() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .creating)
        trace.on(.cancel(key, graceSeconds: 5))
        #expect(trace.on(.failed(key, .create, RuntimeError(.timeout, "no"))) == [.discard(key, containerId: nil)])
    }

    @Test func aCancelDuringTheStartStopsWhatStarted() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .starting)
        #expect(trace.on(.cancel(key, graceSeconds: 5)).isEmpty)
        let actions = trace.on(.started(key, atMilliseconds: 5))
        #expect(actions.last == .stop(key, containerId: key.container, graceSeconds: 5))
        let report = trace.on(.exited(key, ExitStatus(exitCode: 143))).reports.first
        #expect(report?.status == .cancelled)
        #expect(report?.exitCode == 143)
    }

    @Test func aCancelDuringAStartThatFailsIsCancelled() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .starting)
        trace.on(.cancel(key, graceSeconds: 5))
        let actions = trace.on(.failed(key, .start, RuntimeError(.other, "no such program")))
        #expect(actions.reports.map(\.status) == [.cancelled])
        #expect(actions.contains(.discard(key, containerId: key.container)))
    }

    @Test func aCancelWhileRunningStopsWithItsGrace() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        #expect(trace.on(.cancel(key, graceSeconds: 5)) == [.stop(key, containerId: key.container, graceSeconds: 5)])
        #expect(trace.on(.cancel(key, graceSeconds: 5)).isEmpty, "once is enough")
        #expect(trace.on(.exited(key, ExitStatus(exitCode: 0))).reports.first?.status == .cancelled)
    }

    /// The stop and the end cross: the engine's time of the end decides which was first.
    @Test(arguments: [(0, -51, true), (3, -60, true), (0, -50, false), (143, 20, false)])
    func whatEndedBeforeTheSignalIsReportedAsItEnded(exitCode: Int, afterMilliseconds: Int64, isBefore: Bool) {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        let stoppedAt = AgentTrace.wallBase + trace.now
        trace.on(.cancel(key, graceSeconds: 5))
        trace.sleep(50)
        let status = ExitStatus(exitCode: exitCode, finishedAtMilliseconds: stoppedAt + afterMilliseconds)
        let report = trace.on(.exited(key, status)).reports.first
        #expect(report?.status == (isBefore ? (exitCode == 0 ? .completed : .failed) : .cancelled))
        #expect(report?.isBeforeSignal == isBefore)
        #expect(report?.exitCode == exitCode)
    }

    @Test func whatEndedByItselfBeforeTheCancelIsReportedAsItEnded() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .ended)
        #expect(trace.on(.cancel(key, graceSeconds: 5)).isEmpty)
        #expect(trace.reports.map(\.status) == [.running, .completed])
    }

    @Test func aStopThatFailsIsMadeAgainAndAtLastWithoutGrace() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        trace.on(.cancel(key, graceSeconds: 5))
        for _ in 0..<AgentLimits.stepTriesMax {
            trace.on(.failed(key, .stop, RuntimeError(.timeout, "no answer")))
            trace.pass(AgentLimits.stepRetryMillisecondsMax)
            trace.acknowledge(AgentTrace.orders())
        }
        #expect(trace.actions.contains(.stop(key, containerId: key.container, graceSeconds: 0)))
    }

    @Test func aCancelOfWhatNeverCameIsConfirmed() {
        let trace = AgentTrace()
        trace.register()
        #expect(trace.on(.cancel(key, graceSeconds: 5)).reports == [AttemptReport(.cancelled)])
    }

    @Test(arguments: [AttemptRecord.Stage.preparing, .creating, .starting, .running, .ended])
    func aKillRemovesAndReportsNothing(_ stage: AttemptRecord.Stage) {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: stage)
        let reports = trace.reports.count
        trace.on(.kill(key, code: "stale_attempt"))
        trace.on(.created(key, containerId: key.container))
        trace.on(.started(key, atMilliseconds: 1))
        trace.on(.exited(key, ExitStatus(exitCode: 137)))
        #expect(trace.reports.count == reports)
        if stage != .preparing { #expect(trace.actions.contains(.discard(key, containerId: key.container))) }
        trace.on(.disconnected("cut"))
        trace.register()
        #expect(trace.actions.registered == [])
    }

    @Test(arguments: ["stale_attempt", "not_found"], [AttemptRecord.Stage.running, .ended])
    func aStaleReportKillsTheContainer(_ code: String, _ stage: AttemptRecord.Stage) {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: stage)
        #expect(trace.refuse(code) == [.discard(key, containerId: key.container)])
    }

    @Test func ordersOfAHeartbeatAreObeyed() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .running)
        trace.acknowledge()
        trace.bring(.second, to: .running)
        trace.acknowledge()
        trace.pass(AgentTrace.heartbeatMilliseconds)
        let orders = [KillOrder(.first, code: "stale_attempt"), KillOrder(.second, code: "cancelled")]
        #expect(
            trace.acknowledge(AgentTrace.orders(kill: orders)) == [
                .discard(.first, containerId: AttemptKey.first.container),
                .stop(.second, containerId: AttemptKey.second.container, graceSeconds: 0),
            ]
        )
        #expect(trace.on(.exited(.second, ExitStatus(exitCode: 137))).reports.first?.status == .cancelled)
    }

    @Test func aReportThatTheMasterCannotTakeIsMadePlainer() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .ended)
        let plain = trace.refuse("bad_request").reports.first
        #expect(plain?.status == .failed)
        #expect(plain?.reason == .runtimeError)
        #expect(trace.refuse("bad_request") == [.discard(key, containerId: key.container)])
    }

    @Test func aReportRefusedForNowIsSentAgain() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .ended)
        trace.refuse("overloaded", retryable: true, afterMilliseconds: 300)
        #expect(trace.pass(700).reports.map(\.status) == [.completed])
    }
}
