import Testing

@testable import PodlingAgent

@Suite struct AgentLifeTests {
    private let key = AttemptKey.first

    @Test func anAttemptRunsFromAssignmentToAcknowledgement() {
        let trace = AgentTrace()
        trace.register()
        #expect(trace.assign(key) == [.prepare(key, image: "busybox", .missing)])
        #expect(trace.on(.prepared(key)) == [.create(AgentTrace.plan(key).container)])
        #expect(trace.on(.created(key, containerId: "c")) == [.start(key, containerId: "c")])
        let running = trace.on(.started(key, atMilliseconds: 7))
        #expect(running.reports == [AttemptReport(.running, containerId: "c", startedAtMilliseconds: 7)])
        #expect(running.last == .wait(key, containerId: "c"))
        trace.acknowledge()
        let ended = trace.on(.exited(key, ExitStatus(exitCode: 0, startedAtMilliseconds: 6, finishedAtMilliseconds: 9)))
        #expect(
            ended.reports == [
                AttemptReport(
                    .completed,
                    containerId: "c",
                    exitCode: 0,
                    startedAtMilliseconds: 6,
                    finishedAtMilliseconds: 9
                )
            ]
        )
        #expect(trace.acknowledge().isEmpty, "the container is kept for its output")
    }

    @Test func aQuickAttemptSaysNothingBeforeItRuns() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        #expect(trace.reports.map(\.status) == [.running])
    }

    @Test func aSlowPullIsAcceptedWithWords() {
        let trace = AgentTrace()
        trace.register()
        trace.assign(key)
        let later = trace.pass(AgentLimits.acceptDelayMilliseconds)
        #expect(later.reports == [AttemptReport(.scheduled, detail: "pulling busybox")])
    }

    @Test(arguments: [
        (PodlingAgent.ExitStatus(exitCode: 0), AttemptReport.Status.completed, nil),
        (ExitStatus(exitCode: 3), .failed, AttemptReport.Reason.exitCode),
        (ExitStatus(exitCode: 137, oomKilled: true), .failed, .oomKilled),
        (ExitStatus(exitCode: 0, oomKilled: true), .completed, nil),
    ])
    func anExitBecomesAReport(
        _ exit: PodlingAgent.ExitStatus,
        _ status: AttemptReport.Status,
        _ reason: AttemptReport.Reason?
    ) {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        let report = trace.on(.exited(key, exit)).reports.first
        #expect(report?.status == status)
        #expect(report?.reason == reason)
        #expect(report?.exitCode == exit.exitCode)
    }

    @Test(arguments: [
        (
            AttemptRecord.Stage.preparing, EngineStep.prepare, RuntimeError.Kind.imageNotFound,
            AttemptReport.Reason.imagePull
        ),
        (.creating, .create, .invalidSpec, .startFailed),
        (.creating, .create, .nameConflict, .startFailed),
        (.starting, .start, .other, .startFailed),
        (.running, .wait, .notFound, .runtimeError),
    ])
    func aFinalFaultFailsTheAttempt(
        _ stage: AttemptRecord.Stage,
        _ step: EngineStep,
        _ kind: RuntimeError.Kind,
        _ reason: AttemptReport.Reason
    ) {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: stage)
        let report = trace.on(.failed(key, step, RuntimeError(kind, "no"))).reports.first
        #expect(report?.status == .failed)
        #expect(report?.reason == reason)
        #expect(report?.error == "no")
    }

    @Test(arguments: [
        (
            AttemptRecord.Stage.preparing, EngineStep.prepare, RuntimeError.Kind.imagePull,
            AttemptReport.Reason.imagePull
        ),
        (.starting, .start, .other, .startFailed),
    ])
    func aPassingFaultIsRetriedAndThenFails(
        _ stage: AttemptRecord.Stage,
        _ step: EngineStep,
        _ kind: RuntimeError.Kind,
        _ reason: AttemptReport.Reason
    ) {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: stage)
        for _ in 1..<AgentLimits.stepTriesMax {
            #expect(trace.on(.failed(key, step, RuntimeError(kind, "no", retryable: true))).reports.isEmpty)
            let again = trace.pass(AgentLimits.stepRetryMillisecondsMax).filter { $0.body == nil }
            #expect(again.count == 1, "the step is tried again")
            trace.acknowledge(AgentTrace.orders())
        }
        let report = trace.on(.failed(key, step, RuntimeError(kind, "no", retryable: true))).reports.first
        #expect(report?.reason == reason)
    }

    @Test func aWaitThatBreaksIsTakenUpAgain() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        for _ in 0..<20 {
            trace.on(.failed(key, .wait, RuntimeError(.engineUnavailable, "away")))
            #expect(trace.pass(AgentLimits.stepRetryMillisecondsMax).contains(.wait(key, containerId: key.container)))
            trace.acknowledge(AgentTrace.orders())
        }
        #expect(trace.on(.exited(key, ExitStatus(exitCode: 0))).reports.first?.status == .completed)
    }

    @Test func aFailedCreateMayHaveMadeAContainer() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .creating)
        let actions = trace.on(.failed(key, .create, RuntimeError(.other, "no answer")))
        #expect(actions.contains(.discard(key, containerId: nil)))
    }

    @Test func aSecondAssignmentStartsNothing() {
        for stage in [AttemptRecord.Stage.preparing, .creating, .starting, .running, .ended] {
            let trace = AgentTrace()
            trace.register()
            trace.bring(key, to: stage)
            let calls = trace.actions.count { $0.body == nil }
            trace.assign(key)
            #expect(trace.actions.count { $0.body == nil } == calls, "at \(stage)")
        }
    }

    @Test func anAttemptThatWasHereNeverRunsAgain() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .ended)
        trace.acknowledge()
        #expect(trace.assign(key).bodies == [.reject(key, error: "this attempt was here before")])
        #expect(trace.starts == 1)
    }

    @Test func beyondTheSlotsAssignmentsAreRejected() {
        let trace = AgentTrace(slots: 2)
        trace.register()
        trace.assign(.first)
        trace.assign(.second)
        #expect(trace.assign(.third).bodies == [.reject(.third, error: "all 2 slots are taken")])
    }

    @Test func aSlotIsFreeOnceTheEndIsReported() {
        let trace = AgentTrace(slots: 1)
        trace.register()
        trace.bring(.first, to: .ended)
        #expect(trace.assign(.second) == [.prepare(.second, image: "busybox", .missing)])
    }

    @Test func whatIsBeingKilledKeepsItsSlot() {
        let trace = AgentTrace(slots: 1)
        trace.register()
        trace.bring(.first, to: .running)
        #expect(
            trace.on(.kill(.first, code: "stale_attempt")) == [
                .discard(.first, containerId: AttemptKey.first.container)
            ]
        )
        #expect(trace.assign(.second).isEmpty, "it waits for the slot")
        #expect(trace.on(.discarded(.first)) == [.prepare(.second, image: "busybox", .missing)])
    }

    @Test func aSpecThatIsNotUnderstoodIsRejected() {
        let trace = AgentTrace()
        trace.register()
        #expect(trace.on(.assignRejected(key, "spec.gpu: ...")).bodies == [.reject(key, error: "spec.gpu: ...")])
    }

    @Test func keptContainersAreBoundedInNumber() {
        let trace = AgentTrace { $0.keepFinishedCount = 1 }
        trace.register()
        trace.bring(.first, to: .ended)
        trace.acknowledge()
        trace.bring(.second, to: .ended)
        #expect(trace.acknowledge() == [.remove(containerId: AttemptKey.first.container)])
    }

    @Test func keptContainersAreBoundedInTime() {
        let trace = AgentTrace { $0.keepFinishedSeconds = 60 }
        trace.register()
        trace.bring(key, to: .ended)
        trace.acknowledge()
        trace.on(.disconnected("cut"))
        #expect(trace.pass(60_000).contains(.remove(containerId: key.container)))
    }
}
