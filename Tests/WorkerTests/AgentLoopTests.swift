import Logging
import PodlingAgent
import PodlingClient
import ServiceLifecycle
import Testing

@testable import PodlingWorker

/// The agent as a whole, between a scripted master on a real socket and an engine that the test moves.
@Suite(.timeLimit(.minutes(6))) struct AgentLoopTests {
    private struct Worker {
        let group: ServiceGroup
        let task: Task<Void, any Error>

        /// Ends it as SIGTERM would, and waits for that.
        func end() async throws {
            await group.triggerGracefulShutdown()
            try await task.value
        }
    }

    private func start(
        _ master: ScriptedMaster,
        _ runtime: FakeRuntime,
        _ change: (inout AgentConfiguration) -> Void = { _ in }
    ) -> Worker {
        var configuration = AgentConfiguration(
            nodeId: "n1",
            instance: "i1",
            slots: 4,
            cpuMillis: 1_000,
            memoryBytes: 1 << 20
        )
        change(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let agent = WorkerAgent(
            configuration: configuration,
            masters: [master.address],
            runtime: runtime,
            logger: logger
        )
        let group = ServiceGroup(services: [agent], logger: logger)
        return Worker(group: group, task: Task { try await group.run() })
    }

    @Test func aTaskGoesItsWay() async throws {
        let master = try await ScriptedMaster()
        let runtime = FakeRuntime()
        let worker = start(master, runtime)
        let (session, registration) = try await master.register()
        #expect(registration.slots == 4)
        session.assign("t1")
        let running = try await session.report("running")
        #expect(running.containerId == "c-t1-1")
        await runtime.finish("t1", exitCode: 3)
        let failed = try await session.report("failed")
        #expect(failed.exitCode == 3)
        #expect(failed.reason == "exit_code")
        try await worker.end()
        #expect(await runtime.removed.isEmpty, "kept for its output")
    }

    @Test func aHeartbeatWaitsForNoEngine() async throws {
        let master = try await ScriptedMaster()
        let runtime = FakeRuntime()
        let worker = start(master, runtime)
        let (session, _) = try await master.register(heartbeatMilliseconds: 50)
        session.assign("t1", image: FakeRuntime.endlessImage)
        _ = try await session.report("scheduled")
        for _ in 0..<3 {
            session.answer(try await session.next("heartbeat"), #"{"lease_ms":15000,"heartbeat_ms":50}"#)
        }
        session.send(#"{"ev":"cancel","taskId":"t1","attempt":1,"graceSeconds":1,"code":"cancelled"}"#)
        _ = try await session.report("cancelled")
        try await worker.end()
        #expect(await runtime.starts == 0)
    }

    @Test func anEndWhileAwayIsReportedOnReturn() async throws {
        let master = try await ScriptedMaster()
        let runtime = FakeRuntime()
        let worker = start(master, runtime)
        let (first, _) = try await master.register()
        first.assign("t1")
        _ = try await first.report("running")
        first.close()
        await runtime.finish("t1", exitCode: 0)
        let (second, registration) = try await master.register()
        #expect(registration.attempts == [.init(taskId: "t1", attempt: 1)])
        let report = try await second.report("completed")
        #expect(report.exitCode == 0)
        try await worker.end()
        #expect(await runtime.starts == 1)
    }

    @Test func aNewLifeFindsWhatTheOldOneLeft() async throws {
        let runtime = FakeRuntime([
            AdoptedContainer(id: "c1", key: .first, state: .running),
            AdoptedContainer(id: "c2", key: .second, state: .exited(ExitStatus(exitCode: 5))),
            AdoptedContainer(id: "c3", key: .third, state: .created),
        ])
        // The engine is not there yet when the worker starts.
        await runtime.setAway(true)
        let master = try await ScriptedMaster()
        let worker = start(master, runtime)
        await runtime.setAway(false)
        let (session, registration) = try await master.register()
        #expect(registration.attempts == [.init(taskId: "t1", attempt: 1), .init(taskId: "t2", attempt: 1)])
        let failed = try await session.report("failed")
        #expect(failed.taskId == "t2")
        #expect(failed.exitCode == 5)
        await runtime.finish("t1", exitCode: 0)
        _ = try await session.report("completed")
        try await worker.end()
        #expect(await runtime.removed == ["c3"])
        #expect(await runtime.starts == 0)
    }

    @Test func whatTheMasterNoLongerWantsIsRemoved() async throws {
        let master = try await ScriptedMaster()
        let runtime = FakeRuntime([AdoptedContainer(id: "c1", key: .first, state: .running)])
        let worker = start(master, runtime)
        let (session, _) = try await master.register(kill: #"[{"taskId":"t1","attempt":1,"code":"stale_attempt"}]"#)
        session.assign("t2")
        _ = try await session.report("running")
        try await worker.end()
        #expect(await runtime.removed == ["c1"])
    }

    @Test func outputIsSentAsLines() async throws {
        let master = try await ScriptedMaster()
        let runtime = FakeRuntime()
        let euro = Array("€".utf8)
        await runtime.setOutput([
            LogChunk(.stdout, Array("one ".utf8) + euro[..<2]), LogChunk(.stdout, [euro[2]]), LogChunk(.stderr, [0xFF]),
        ])
        let worker = start(master, runtime)
        let (session, _) = try await master.register()
        session.assign("t1")
        _ = try await session.report("running")
        for follow in [true, false] {
            session.send(#"{"ev":"logs","sub":5,"taskId":"t1","attempt":1,"tail":100,"follow":\#(follow)}"#)
            var text = ""
            while !text.hasSuffix("€") { text += try await session.next("log").text ?? "" }
            #expect(text == "one €")
            let other = try await session.next("log")
            #expect(other.stream == "stderr")
            #expect(other.b64 == "/w==")
            #expect(try await session.next("log_end").sub == 5)
        }
        try await worker.end()
    }

    @Test func sigtermLeavesContainersRunning() async throws {
        let master = try await ScriptedMaster()
        let runtime = FakeRuntime()
        let worker = start(master, runtime)
        let (session, _) = try await master.register()
        session.assign("t1")
        _ = try await session.report("running")
        try await worker.end()
        #expect(try await runtime.list(nodeId: "n1").map(\.state) == [.running])
    }

    @Test func stopOnExitHandsBack() async throws {
        let master = try await ScriptedMaster()
        let runtime = FakeRuntime()
        let worker = start(master, runtime) { $0.stopsOnExit = true }
        let (session, _) = try await master.register()
        session.assign("t1")
        _ = try await session.report("running")
        async let end: Void = worker.end()
        session.answer(try await session.next("deregister"))
        try await end
        #expect(await runtime.stops.map(\.graceSeconds) == [10])
        #expect(await runtime.removed == ["c-t1-1"])
    }
}
