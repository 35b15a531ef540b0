import FoundationEssentials
import PodlingAgent
import Testing

@testable import PodlingWorker

/// Real containers on every engine there is.
@Suite(
    .enabled(if: !TestEngine.available.isEmpty, TestEngine.skipMessage),
    .serialized,
    .timeLimit(.minutes(10))
)
struct RuntimeEngineTests {
    @Test(arguments: TestEngine.available) func saysWhatItIs(engine: TestEngine) async throws {
        let info = try await engine.runtime().info()
        #expect(info.engine == engine.rawValue)
        #expect(info.version.contains("."))
    }

    @Test(arguments: TestEngine.available, [0, 3, 255]) func exitCodes(engine: TestEngine, code: Int) async throws {
        try await engine.withContainer(TestEngine.shell("exit \(code)")) { runtime, id in
            let status = try await runtime.wait(id)
            #expect(status.exitCode == code)
            #expect(!status.oomKilled)
            let started = try #require(status.startedAtMilliseconds)
            let finished = try #require(status.finishedAtMilliseconds)
            #expect(started <= finished + 1_000)
            #expect(try await runtime.wait(id) == status)
        }
    }

    @Test(arguments: TestEngine.available) func streamsAreSeparate(engine: TestEngine) async throws {
        let spec = TestEngine.shell("echo out; echo err >&2; printf end")
        try await engine.withContainer(spec) { runtime, id in
            _ = try await runtime.wait(id)
            #expect(try await runtime.output(id) == [.stdout: "out\nend", .stderr: "err\n"])
            let tail = try await runtime.logTail(id, bytesMax: 5)
            #expect(tail.map { $0.bytes.count }.reduce(0, +) == 5)
        }
    }

    @Test(arguments: TestEngine.available) func followEndsWithTheContainer(engine: TestEngine) async throws {
        let spec = TestEngine.shell("for i in 1 2 3; do echo $i; sleep 0.3; done; echo bye >&2; exit 4")
        try await engine.withContainer(spec) { runtime, id in
            let output = try await runtime.output(id, follow: true)
            #expect(output == [.stdout: "1\n2\n3\n", .stderr: "bye\n"])
            #expect(try await runtime.wait(id).exitCode == 4)
        }
    }

    @Test(arguments: TestEngine.available) func longOutputIsWhole(engine: TestEngine) async throws {
        let spec = TestEngine.shell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
        try await engine.withContainer(spec) { runtime, id in
            _ = try await runtime.wait(id)
            let lines = try await runtime.output(id)[.stdout, default: ""].split(separator: "\n")
            #expect(lines.count == 20_000)
            #expect(lines.last == "line 19999")
            let tail = try await runtime.logTail(id, bytesMax: 1_000).flatMap { $0.bytes }
            #expect(tail.count == 1_000)
            #expect(String(decoding: tail, as: UTF8.self).hasSuffix("line 19998\nline 19999\n"))
        }
    }

    @Test(arguments: TestEngine.available) func environmentAndDirectory(engine: TestEngine) async throws {
        let spec = TestEngine.shell(#"echo "$A|$PODLING_TASK_ID|$(pwd)|$0|$1""#) {
            $0.args = ["zero", "o ne"]
            $0.env = [.init("A", "x y=z"), .init("PODLING_TASK_ID", "t-9")]
            $0.workingDir = "/tmp"
        }
        try await engine.withContainer(spec) { runtime, id in
            _ = try await runtime.wait(id)
            #expect(try await runtime.output(id)[.stdout] == "x y=z|t-9|/tmp|zero|o ne\n")
        }
    }

    @Test(arguments: TestEngine.available) func stopLetsItEndByItself(engine: TestEngine) async throws {
        let spec = TestEngine.shell("trap 'echo bye; exit 7' TERM; echo up; while true; do sleep 0.05; done")
        try await engine.withContainer(spec) { runtime, id in
            for try await chunk in try await runtime.logs(id, LogRequest(follow: true)) {
                if String(decoding: chunk.bytes, as: UTF8.self).contains("up") { break }
            }
            try await runtime.stop(id, graceSeconds: 10)
            #expect(try await runtime.wait(id).exitCode == 7)
            try await runtime.stop(id, graceSeconds: 10)
            try await runtime.kill(id)
        }
    }

    @Test(arguments: TestEngine.available) func stopKillsAfterTheGrace(engine: TestEngine) async throws {
        let spec = TestEngine.shell("trap '' TERM; while true; do sleep 0.05; done")
        try await engine.withContainer(spec) { runtime, id in
            let begin = ContinuousClock.now
            try await runtime.stop(id, graceSeconds: 1)
            #expect(try await runtime.wait(id).exitCode == 137)
            #expect(begin.duration(to: .now) < .seconds(60))
        }
    }

    @Test(arguments: TestEngine.available) func killEndsAWaitThatIsOpen(engine: TestEngine) async throws {
        try await engine.withContainer(TestEngine.spec(["sleep", "600"])) { runtime, id in
            async let status = runtime.wait(id)
            try await runtime.kill(id)
            #expect(try await status.exitCode == 137)
            #expect(try await status.oomKilled == false)
        }
    }

    @Test(arguments: TestEngine.available) func aFastExitIsNeverMissed(engine: TestEngine) async throws {
        for _ in 0..<30 {
            try await engine.withContainer(TestEngine.spec(["true"])) { runtime, id in
                let status = try await withDeadline(seconds: 30, what: "wait") { try await runtime.wait(id) }
                #expect(status.exitCode == 0)
            }
        }
    }

    @Test(arguments: TestEngine.available) func anAttemptRunsOnceOnly(engine: TestEngine) async throws {
        let spec = TestEngine.shell("echo ran")
        try await engine.withContainer(spec) { runtime, id in
            _ = try await runtime.wait(id)
            try await runtime.start(id)
            #expect(try await runtime.create(spec) == id)
            _ = try await runtime.wait(id)
            #expect(try await runtime.output(id)[.stdout] == "ran\n")
        }
    }

    @Test(arguments: TestEngine.available) func aForeignNameIsAConflict(engine: TestEngine) async throws {
        let spec = TestEngine.spec(["true"])
        var other = spec
        other.nodeId = "another-node"
        try await engine.withContainer(spec, isStarted: false) { runtime, _ in
            let error = await #expect(throws: RuntimeError.self) { try await runtime.create(other) }
            #expect(error?.kind == .nameConflict)
        }
    }

    @Test(arguments: TestEngine.available) func whatIsGoneIsGone(engine: TestEngine) async throws {
        let runtime = try engine.runtime()
        let id = try await engine.withContainer(TestEngine.spec(["true"]), isStarted: false) { _, id in id }
        try await runtime.stop(id, graceSeconds: 1)
        try await runtime.kill(id)
        try await runtime.remove(id, force: true)
        for call in [{ _ = try await runtime.wait(id) }, { try await runtime.start(id) }] as [() async throws -> Void] {
            let error = await #expect(throws: RuntimeError.self) { try await call() }
            #expect(error?.kind == .notFound)
        }
        let error = await #expect(throws: RuntimeError.self) { _ = try await runtime.logs(id, LogRequest()) }
        #expect(error?.kind == .notFound)
    }

    @Test(arguments: TestEngine.available, [["/nope"], ["nope"], ["/etc/passwd"]])
    func aCommandThatCannotRun(engine: TestEngine, command: [String]) async throws {
        try await engine.withContainer(TestEngine.spec(command), isStarted: false) { runtime, id in
            let error = await #expect(throws: RuntimeError.self) { try await runtime.start(id) }
            #expect(error?.kind == .invalidSpec, "\(String(describing: error))")
            #expect(error?.isRetryable == false)
        }
    }

    @Test(arguments: TestEngine.available) func listFindsEveryState(engine: TestEngine) async throws {
        let node = "node-\(UUID().uuidString.lowercased())"
        let created = TestEngine.spec(["true"]) { $0.nodeId = node }
        let running = TestEngine.spec(["sleep", "600"]) { $0.nodeId = node }
        let exited = TestEngine.shell("exit 9") {
            $0.nodeId = node
            $0.attempt = 4
        }
        try await engine.withContainer(created, isStarted: false) { runtime, createdId in
            try await engine.withContainer(running) { _, runningId in
                try await engine.withContainer(exited) { _, exitedId in
                    let status = try await runtime.wait(exitedId)
                    #expect(status.exitCode == 9)
                    let found = try await runtime.list(nodeId: node).sorted { $0.id < $1.id }
                    let expected = [
                        AdoptedContainer(id: createdId, key: created.key, state: .created),
                        AdoptedContainer(id: runningId, key: running.key, state: .running),
                        AdoptedContainer(id: exitedId, key: exited.key, state: .exited(status)),
                    ]
                    #expect(found == expected.sorted { $0.id < $1.id })
                }
            }
            #expect(try await runtime.list(nodeId: "nobody").isEmpty)
        }
    }
}
