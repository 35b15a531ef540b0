import Testing

@testable import PodlingAgent

@Suite struct AgentLinkTests {
    private let key = AttemptKey.first

    @Test func itDialsGreetsAndRegisters() {
        let trace = AgentTrace()
        #expect(trace.on(.tick) == [.connect(address: 0)])
        #expect(trace.on(.connected).isEmpty, "the master speaks first")
        let greeting = trace.on(.hello(versions: 1...3)).bodies
        #expect(greeting.count == 2)
        #expect(greeting.first == .hello(node: "n1", instance: "i1", agent: "podling-worker/1.2.3"))
        #expect(trace.actions.registered == [])
    }

    @Test func itLeavesAMasterOfAnotherVersion() {
        let trace = AgentTrace()
        trace.on(.tick)
        trace.on(.connected)
        #expect(trace.on(.hello(versions: 2...3)) == [.disconnect("no protocol version in common")])
    }

    @Test func itTriesTheMastersInTurnEverMoreSlowly() {
        let trace = AgentTrace { $0.addressCount = 2 }
        #expect(trace.on(.tick) == [.connect(address: 0)])
        var delays: [Int64] = []
        for turn in 1...9 {
            trace.on(.disconnected("refused"), jitter: 0.999)
            delays.append((trace.deadline ?? 0) - trace.now)
            #expect(trace.pass(AgentLimits.reconnectMillisecondsMax) == [.connect(address: turn % 2)])
        }
        #expect(delays.first.map { $0 <= AgentLimits.reconnectMillisecondsMin } == true)
        #expect(delays == delays.sorted())
        #expect(delays.last.map { $0 > 4_000 && $0 <= AgentLimits.reconnectMillisecondsMax } == true)
    }

    @Test func aRegistrationMakesTheNextTryQuickAgain() {
        let trace = AgentTrace()
        for _ in 0..<8 {
            trace.on(.disconnected("refused"))
            trace.pass(AgentLimits.reconnectMillisecondsMax)
        }
        trace.on(.connected)
        trace.on(.hello(versions: 1...1))
        trace.acknowledge(AgentTrace.orders())
        trace.on(.disconnected("cut"))
        #expect((trace.deadline ?? 0) - trace.now <= AgentLimits.reconnectMillisecondsMin)
    }

    @Test func aMasterThatGoesDownSaysWhenToComeBack() {
        let trace = AgentTrace()
        trace.register()
        trace.on(.drain(reconnectMilliseconds: 2_000...4_000))
        trace.on(.disconnected("closed"), jitter: 0.5)
        #expect(trace.deadline == trace.now + 3_000)
    }

    @Test func itBeatsAtThePeriodOfTheMaster() {
        let trace = AgentTrace()
        trace.register()
        for _ in 0..<3 {
            #expect(trace.pass(AgentTrace.heartbeatMilliseconds).bodies == [.heartbeat])
            trace.acknowledge(AgentTrace.orders())
        }
    }

    @Test func aSilentMasterIsLeft() {
        let trace = AgentTrace()
        trace.register()
        let actions = trace.pass(AgentTrace.heartbeatMilliseconds + AgentTrace.leaseMilliseconds)
        #expect(actions.contains(.disconnect("the master has been silent for \(AgentTrace.leaseMilliseconds) ms")))
    }

    @Test func aMasterThatNeverGreetsIsLeft() {
        let trace = AgentTrace()
        trace.on(.tick)
        trace.on(.connected)
        // A ping comes first: a master with TLS answers only then.
        #expect(trace.pass(AgentLimits.prodMilliseconds).bodies == [.ping])
        let rest = trace.pass(AgentLimits.silenceMilliseconds - AgentLimits.prodMilliseconds)
        #expect(rest == [.disconnect("the master has been silent for \(AgentLimits.silenceMilliseconds) ms")])
    }

    /// The master assigned it before it read `register`, which does not name it, and assigns it to another node now.
    @Test func anAssignmentThatCrossedARegistrationIsOver() {
        let trace = AgentTrace()
        trace.register()
        trace.pass(AgentTrace.heartbeatMilliseconds)
        trace.refuse("unregistered", retryable: true)
        let registration = trace.lastRequestId
        trace.bring(key, to: .running)
        var orders = AgentTrace.orders()
        orders.lost = [key]
        #expect(trace.on(.reply(id: registration, .ok(orders))).contains(.discard(key, containerId: key.container)))
        #expect(trace.on(.cancel(key, graceSeconds: 0)).isEmpty, "it is over")
    }

    @Test func unregisteredRegistersAgainOnTheSameConnection() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        #expect(trace.refuse("unregistered", retryable: true).bodies.count == 1)
        #expect(trace.actions.registered == [key])
        #expect(trace.acknowledge(AgentTrace.orders()).reports.map(\.status) == [.running], "the report is made again")
    }

    @Test func aNodeIdInUseIsAskedForAgain() {
        let trace = AgentTrace()
        trace.on(.tick)
        trace.on(.connected)
        trace.on(.hello(versions: 1...1))
        trace.refuse("conflict", retryable: true, afterMilliseconds: 4_000)
        #expect(trace.pass(3_999).isEmpty)
        #expect(trace.pass(1).bodies.count == 1)
        #expect(trace.actions.registered == [])
    }

    @Test func pastTheLeaseNothingStarts() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .creating)
        trace.sleep(AgentTrace.leaseMilliseconds)
        #expect(trace.on(.created(key, containerId: "c")).isEmpty)
        trace.assign(.second)
        #expect(trace.starts == 0)
        #expect(trace.count { if case .prepare(.second, _, _) = $0 { true } else { false } } == 0)
    }

    @Test func theLeaseCountsFromTheInstantOfSending() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .creating)
        trace.pass(AgentTrace.heartbeatMilliseconds)
        // A late reply renews the lease from the heartbeat's sending, not from now.
        trace.sleep(AgentTrace.leaseMilliseconds - 1)
        trace.acknowledge(AgentTrace.orders())
        trace.sleep(1)
        trace.on(.created(key, containerId: "c"))
        #expect(trace.starts == 0)
    }

    @Test func aRenewedLeaseLetsWorkGoOn() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .creating)
        trace.on(.disconnected("cut"))
        trace.sleep(AgentTrace.leaseMilliseconds)
        trace.on(.created(key, containerId: "c"))
        #expect(trace.starts == 0)
        trace.register()
        #expect(trace.starts == 1)
        #expect(trace.actions.registered == [key])
    }

    @Test func aRunningContainerOutlivesTheLease() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        trace.on(.disconnected("cut"))
        trace.pass(10 * AgentTrace.leaseMilliseconds)
        #expect(trace.count { if case .discard = $0 { true } else { false } } == 0)
    }

    @Test(arguments: [AttemptRecord.Stage.preparing, .creating, .starting, .running, .ended])
    func aNewConnectionNamesWhatIsHere(_ stage: AttemptRecord.Stage) {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: stage)
        trace.on(.disconnected("cut"))
        let answers = trace.register()
        #expect(trace.actions.registered == [key])
        switch stage {
        case .running: #expect(answers.reports.map(\.status) == [.running])
        case .ended: #expect(answers.reports.map(\.status) == [.completed])
        case .waiting, .preparing, .creating, .starting: #expect(answers.reports.map(\.status) == [.scheduled])
        }
        #expect(trace.starts <= 1)
    }

    @Test func anEndWhileAwayIsReportedUntilAcknowledged() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        trace.acknowledge()
        trace.on(.disconnected("cut"))
        #expect(trace.on(.exited(key, ExitStatus(exitCode: 4))).reports.isEmpty)
        for _ in 0..<2 {
            #expect(trace.register().reports.map(\.exitCode) == [4])
            trace.on(.disconnected("cut before the answer"))
        }
        trace.register()
        trace.acknowledge()
        trace.on(.disconnected("cut"))
        trace.register()
        #expect(trace.actions.registered == [])
    }

    @Test func anAnswerToAnOlderReportDoesNotSettleTheNewer() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        let running = trace.lastRequestId
        trace.on(.exited(key, ExitStatus(exitCode: 0)))
        trace.on(.reply(id: running, .ok(MasterOrders())))
        trace.on(.disconnected("cut"))
        #expect(trace.register().reports.map(\.status) == [.completed])
    }

    @Test func theKillListOfARegistrationIsObeyed() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .running)
        trace.bring(.second, to: .running)
        trace.on(.disconnected("cut"))
        let actions = trace.register(kill: [
            KillOrder(.first, code: "stale_attempt"), KillOrder(.second, code: "cancelled"),
        ])
        #expect(actions.contains(.discard(.first, containerId: AttemptKey.first.container)))
        #expect(actions.contains(.stop(.second, containerId: AttemptKey.second.container, graceSeconds: 0)))
        #expect(actions.reports.count == 1, "nothing is said of what was taken away")
    }
}

@Suite struct AgentAdoptionTests {
    private func adopted(_ key: AttemptKey, _ state: AdoptedContainer.State) -> AdoptedContainer {
        AdoptedContainer(id: key.container, key: key, state: state)
    }

    @Test func whatRunsIsTakenUp() {
        let trace = AgentTrace(adopted: [adopted(.first, .running)])
        #expect(trace.on(.tick) == [.wait(.first, containerId: AttemptKey.first.container), .connect(address: 0)])
        let answers = trace.register()
        #expect(trace.actions.registered == [.first])
        #expect(answers.reports == [AttemptReport(.running, containerId: AttemptKey.first.container)])
        #expect(trace.assign(.first).reports.isEmpty)
        #expect(trace.on(.exited(.first, ExitStatus(exitCode: 7))).reports.first?.exitCode == 7)
        #expect(trace.starts == 0)
    }

    @Test func whatEndedMeanwhileIsReported() {
        let exit = ExitStatus(exitCode: 9, finishedAtMilliseconds: 5)
        let trace = AgentTrace(adopted: [adopted(.first, .exited(exit))])
        let report = trace.register().reports.first
        #expect(report?.exitCode == 9)
        #expect(report?.reason == .exitCode)
        #expect(report?.finishedAtMilliseconds == 5)
    }

    @Test func whatNeverStartedIsRemovedAndNotNamed() {
        let trace = AgentTrace(adopted: [adopted(.first, .created)])
        #expect(trace.on(.tick).contains(.discard(.first, containerId: AttemptKey.first.container)))
        trace.register()
        #expect(trace.actions.registered == [])
        #expect(trace.assign(.first).bodies == [.reject(.first, error: "this attempt was here before")])
    }
}

@Suite struct AgentLogTests {
    private let key = AttemptKey.first

    private func request(_ subscription: Int = 3, follows: Bool) -> LogRequestFromMaster {
        LogRequestFromMaster(subscription: subscription, key: key, tailBytes: 100, follows: follows)
    }

    @Test(arguments: [AttemptRecord.Stage.running, .ended])
    func theOutputOfAStartedContainerIsSent(_ stage: AttemptRecord.Stage) {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: stage)
        let wanted = AgentAction.streamLogs(request(follows: true), containerId: key.container)
        #expect(trace.on(.logs(request(follows: true))) == [wanted])
        if stage == .ended {
            trace.acknowledge()
            #expect(trace.on(.logs(request(4, follows: false))).count == 1, "it is kept for this")
        }
    }

    @Test func aFollowerWaitsForTheContainer() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .starting)
        #expect(trace.on(.logs(request(follows: true))).isEmpty)
        var wanted = request(follows: true)
        // However little of the end was asked for: there was no output yet.
        wanted.from = LogPosition()
        #expect(trace.on(.logsTaken(subscription: 3, bytes: 1)).isEmpty)
        #expect(trace.on(.started(key, atMilliseconds: 1)).contains(.streamLogs(wanted, containerId: key.container)))
        #expect(trace.on(.logsTaken(subscription: 3, bytes: 7)) == [.grantLogs(subscription: 3, takenBytes: 7)])
        #expect(trace.on(.logsStop(subscription: 3)) == [.stopLogs(subscription: 3)])
    }

    @Test func aFollowerOfWhatNeverStartsIsToldTheEnd() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .preparing)
        trace.on(.logs(request(follows: true)))
        #expect(trace.on(.cancel(key, graceSeconds: 1)).bodies.contains(.logEnd(subscription: 3, LogEndReport())))
    }

    @Test func withoutFollowNothingIsWaitedFor() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .preparing)
        #expect(trace.on(.logs(request(follows: false))).bodies == [.logEnd(subscription: 3, LogEndReport())])
    }

    @Test func theOutputOfAStrangerIsAnError() {
        let trace = AgentTrace()
        trace.register()
        #expect(
            trace.on(.logs(request(follows: true))).bodies
                == [.logEnd(subscription: 3, LogEndReport(error: "the output of this attempt is not kept here"))]
        )
    }

    @Test func streamsEndWithTheirConnection() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(key, to: .running)
        trace.on(.logs(request(follows: true)))
        #expect(trace.on(.disconnected("cut")) == [.stopLogs(subscription: 3)])
    }
}

@Suite struct AgentShutdownTests {
    @Test func whatRunsIsLeftAndWhatHasNotStartedGoesBack() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .running)
        trace.acknowledge()
        trace.assign(.second)
        let actions = trace.on(.shutdown)
        #expect(actions.contains(.abandonPrepare(.second)))
        #expect(actions.bodies == [.reject(.second, error: "the worker is going down")])
        #expect(trace.acknowledge() == [.finish])
    }

    @Test func aStartUnderWayIsWaitedFor() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .starting)
        #expect(trace.on(.shutdown).isEmpty)
        #expect(trace.on(.started(.first, atMilliseconds: 1)).contains(.finish))
    }

    @Test func aStartThatFailedMayHaveStarted() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .starting)
        trace.on(.failed(.first, .start, RuntimeError(.timeout, "no answer")))
        #expect(trace.on(.shutdown).isEmpty, "another node must not have it while its container may run")
        let again = trace.pass(AgentLimits.stepRetryMilliseconds)
        #expect(again.contains(.start(.first, containerId: AttemptKey.first.container)))
        #expect(trace.on(.started(.first, atMilliseconds: 1)).contains(.finish))
    }

    @Test func anUnacknowledgedEndIsWaitedForBriefly() {
        let trace = AgentTrace()
        trace.register()
        trace.bring(.first, to: .ended)
        #expect(trace.on(.shutdown).isEmpty)
        #expect(trace.pass(AgentLimits.shutdownMilliseconds).contains(.finish))
    }

    @Test func withoutAMasterItEndsAtOnce() {
        let trace = AgentTrace()
        #expect(trace.on(.shutdown) == [.finish])
    }

    @Test func stopOnExitStopsAndDeregisters() {
        let trace = AgentTrace { $0.stopsOnExit = true }
        trace.register()
        trace.bring(.first, to: .running)
        trace.acknowledge()
        #expect(trace.on(.shutdown) == [.stop(.first, containerId: AttemptKey.first.container, graceSeconds: 10)])
        let ended = trace.on(.exited(.first, ExitStatus(exitCode: 143)))
        #expect(
            ended == [.discard(.first, containerId: AttemptKey.first.container)],
            "no report: the master places it anew"
        )
        #expect(trace.on(.discarded(.first)).bodies == [.deregister])
        #expect(trace.acknowledge() == [.finish])
    }
}
