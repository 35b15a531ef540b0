import FoundationEssentials
import Glibc
import PodlingAgent
import Testing

@testable import PodlingWorker

/// Plain processes. A second runtime over the same directory stands for the worker after its restart.
@Suite(.timeLimit(.minutes(6))) struct RuntimeProcessTests {
    static let node = "n-1"

    static func shell(_ script: String, _ change: (inout ContainerSpec) -> Void = { _ in }) -> ContainerSpec {
        var spec = ContainerSpec(
            taskId: "t-1",
            attempt: 1,
            nodeId: node,
            image: "ignored",
            command: ["sh", "-c", script]
        )
        change(&spec)
        return spec
    }

    /// A runtime over a directory of its own, whose processes are ended and which is removed afterwards.
    static func withRuntime(_ body: (ProcessRuntime, String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "podling-process-\(UUID().uuidString)").path
        let runtime = try ProcessRuntime(directory: directory, path: "/usr/bin:/bin")
        let result: Result<Void, any Error>
        do { result = .success(try await body(runtime, directory)) } catch { result = .failure(error) }
        for left in try await runtime.list(nodeId: node) { try await runtime.remove(left.id, force: true) }
        try FileManager.default.removeItem(atPath: directory)
        try result.get()
    }

    static func started(_ runtime: ProcessRuntime, _ spec: ContainerSpec) async throws -> String {
        let id = try await runtime.create(spec)
        try await runtime.start(id)
        return id
    }

    /// Follows the log until a line with `word` came.
    static func awaitWord(_ word: String, _ runtime: ProcessRuntime, _ id: String) async throws {
        for try await chunk in try await runtime.logs(id, LogRequest(follow: true))
        where String(decoding: chunk.bytes, as: UTF8.self).contains(word) { return }
    }

    @Test(arguments: [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", 143), ("kill -KILL $$", 137), ("nope-x", 127)])
    func exitCodes(script: String, code: Int) async throws {
        try await Self.withRuntime { runtime, _ in
            let id = try await Self.started(runtime, Self.shell(script))
            let status = try await runtime.wait(id)
            #expect(status.exitCode == code)
            #expect(!status.oomKilled)
            let started = try #require(status.startedAtMilliseconds)
            let finished = try #require(status.finishedAtMilliseconds)
            #expect(started <= finished)
            let again = try await runtime.wait(id)
            #expect(again == status)
        }
    }

    @Test func outputEnvironmentAndDirectory() async throws {
        try await Self.withRuntime { runtime, _ in
            let spec = Self.shell(#"echo "$A|$0|$1|$(pwd)|${HOME-none}|$PATH"; echo err >&2; printf end"#) {
                $0.args = ["zero", "o ne"]
                $0.env = [.init("A", "x y")]
                $0.workingDir = "/usr"
            }
            let id = try await Self.started(runtime, spec)
            _ = try await runtime.wait(id)
            let output = try await runtime.output(id)
            #expect(output == [.stdout: "x y|zero|o ne|/usr|none|/usr/bin:/bin\nend", .stderr: "err\n"])
            let tail = try await runtime.logTail(id, bytesMax: 6)
            #expect(tail == [LogChunk(.stdout, Array("end".utf8)), LogChunk(.stderr, Array("rr\n".utf8))])
        }
    }

    @Test func aDirectoryThatIsNotThere() async throws {
        try await Self.withRuntime { runtime, _ in
            let id = try await Self.started(runtime, Self.shell("true") { $0.workingDir = "/nonexistent" })
            let status = try await runtime.wait(id)
            #expect(status.exitCode == 126)
            let output = try await runtime.output(id)
            #expect(output[.stderr, default: ""].contains("/nonexistent"))
        }
    }

    @Test func followEndsWithTheProcess() async throws {
        try await Self.withRuntime { runtime, _ in
            let id = try await Self.started(runtime, Self.shell("for i in 1 2 3; do echo $i; sleep 0.1; done"))
            let output = try await runtime.output(id, follow: true)
            #expect(output == [.stdout: "1\n2\n3\n"])
        }
    }

    @Test func stopReachesTheCommandAndKeepsItsCode() async throws {
        try await Self.withRuntime { runtime, _ in
            let script = "trap 'echo bye; exit 7' TERM; echo up; while true; do sleep 0.05; done"
            let id = try await Self.started(runtime, Self.shell(script))
            try await Self.awaitWord("up", runtime, id)
            try await runtime.stop(id, graceSeconds: 10)
            let status = try await runtime.wait(id)
            #expect(status.exitCode == 7)
            let output = try await runtime.output(id)
            #expect(output[.stdout] == "up\nbye\n")
            try await runtime.stop(id, graceSeconds: 1)
            try await runtime.kill(id)
        }
    }

    @Test func stopKillsTheWholeGroupAfterTheGrace() async throws {
        try await Self.withRuntime { runtime, _ in
            let script = "trap '' TERM; sleep 600 & echo child $!; while true; do sleep 0.05; done"
            let id = try await Self.started(runtime, Self.shell(script))
            try await Self.awaitWord("child", runtime, id)
            let words = try await runtime.output(id)[.stdout, default: ""].split(whereSeparator: \.isWhitespace)
            let child = try #require(words.last.flatMap { pid_t($0) })
            try await runtime.stop(id, graceSeconds: 0)
            let status = try await runtime.wait(id)
            #expect(status.exitCode == 137)
            #expect(await Self.isGone(child))
        }
    }

    @Test func whatACommandLeavesBehindIsEnded() async throws {
        try await Self.withRuntime { runtime, _ in
            let id = try await Self.started(runtime, Self.shell("sleep 600 & echo $!"))
            let status = try await runtime.wait(id)
            #expect(status.exitCode == 0)
            let text = try await runtime.output(id)[.stdout, default: ""].filter(\.isNumber)
            #expect(await Self.isGone(try #require(pid_t(text))))
        }
    }

    /// Gone, or dead and not collected yet by whoever adopted it.
    static func isGone(_ pid: pid_t) async -> Bool {
        for _ in 0..<500 {
            guard let data = try? Data(contentsOf: URL(filePath: "/proc/\(pid)/stat")),
                let supervisor = ProcessAttempt.Supervisor(stat: String(decoding: data, as: UTF8.self))
            else { return true }
            if !supervisor.isAlive { return true }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    @Test func anAttemptRunsOnceOnly() async throws {
        try await Self.withRuntime { runtime, directory in
            let spec = Self.shell("echo ran")
            let id = try await Self.started(runtime, spec)
            _ = try await runtime.wait(id)
            let restarted = try ProcessRuntime(directory: directory, path: "/usr/bin:/bin")
            for worker in [runtime, restarted] {
                let again = try await Self.started(worker, spec)
                #expect(again == id)
                _ = try await worker.wait(id)
            }
            let output = try await runtime.output(id)
            #expect(output[.stdout] == "ran\n")
            let error = await #expect(throws: RuntimeError.self) { try await runtime.create(Self.shell("other")) }
            #expect(error?.kind == .nameConflict)
        }
    }

    @Test func aRestartedWorkerFindsItsProcesses() async throws {
        try await Self.withRuntime { runtime, directory in
            #expect(mkfifo("\(directory)/go", 0o600) == 0)
            let done = try await Self.started(runtime, Self.shell("exit 5") { $0.taskId = "done" })
            let status = try await runtime.wait(done)
            let running = try await Self.started(
                runtime,
                Self.shell("echo up; read x <\(directory)/go; exit 6") { $0.taskId = "running" }
            )
            let created = try await runtime.create(Self.shell("true") { $0.taskId = "made" })

            let restarted = try ProcessRuntime(directory: directory, path: nil)
            let found = try await restarted.list(nodeId: Self.node)
            #expect(
                found == [
                    AdoptedContainer(id: done, key: .init(taskId: "done", attempt: 1), state: .exited(status)),
                    AdoptedContainer(id: created, key: .init(taskId: "made", attempt: 1), state: .created),
                    AdoptedContainer(id: running, key: .init(taskId: "running", attempt: 1), state: .running),
                ]
            )
            #expect(try await restarted.list(nodeId: "other").isEmpty)
            async let end = restarted.wait(running)
            try Data("\n".utf8).write(to: URL(filePath: "\(directory)/go"))
            #expect(try await end.exitCode == 6)
        }
    }

    @Test func aKilledSupervisorIsAnEnd() async throws {
        try await Self.withRuntime { runtime, directory in
            let id = try await Self.started(runtime, Self.shell("echo up; sleep 600"))
            try await Self.awaitWord("up", runtime, id)
            let attempt = try #require(ProcessAttempt(parent: directory, id: id))
            #expect(attempt.signal(SIGKILL))
            let restarted = try ProcessRuntime(directory: directory, path: nil)
            for reader in [runtime, restarted, runtime] {
                let status = try await reader.wait(id)
                #expect(status.exitCode == 137)
                #expect(status.message == "the process was killed together with its supervisor")
            }
        }
    }

    /// Whoever looks first.
    @Test func whatTheWorkerKillsIsNoAccident() async throws {
        try await Self.withRuntime { runtime, _ in
            for number in 1...8 {
                let id = try await Self.started(
                    runtime,
                    Self.shell("trap '' TERM; echo up; while :; do sleep 0.1; done") { $0.attempt = number }
                )
                try await Self.awaitWord("up", runtime, id)
                async let end = runtime.wait(id)
                try await runtime.stop(id, graceSeconds: 0)
                let status = try await end
                #expect(status.exitCode == 137)
                #expect(status.message == nil)
            }
        }
    }

    /// As the kernel does that is short of memory: it takes one process, not the group.
    @Test func aCommandEndsWithItsSupervisor() async throws {
        try await Self.withRuntime { runtime, directory in
            let id = try await Self.started(runtime, Self.shell("echo $$; exec sleep 600"))
            try await Self.awaitWord("\n", runtime, id)
            let command = try #require(pid_t(try await runtime.output(id)[.stdout, default: ""].filter(\.isNumber)))
            let supervisor = try #require(ProcessAttempt(parent: directory, id: id)?.supervisor)
            #expect(kill(supervisor.pid, SIGKILL) == 0)
            #expect(try await runtime.wait(id).exitCode == 137)
            #expect(kill(command, 0) != 0 || !Self.runs(command))
        }
    }

    private static func runs(_ pid: pid_t) -> Bool {
        ProcessAttempt.line(of: "/proc/\(pid)/stat").flatMap(ProcessAttempt.Supervisor.init(stat:))?.isAlive ?? false
    }

    @Test func removeForcesOnlyWhenTold() async throws {
        try await Self.withRuntime { runtime, directory in
            let id = try await Self.started(runtime, Self.shell("sleep 600"))
            await #expect(throws: RuntimeError.self) { try await runtime.remove(id, force: false) }
            try await runtime.remove(id, force: true)
            try await runtime.remove(id, force: true)
            #expect(!FileManager.default.fileExists(atPath: "\(directory)/\(id)"))
            let error = await #expect(throws: RuntimeError.self) { _ = try await runtime.wait(id) }
            #expect(error?.kind == .notFound)
        }
    }

    @Test(arguments: ["", "x", "x-", "x-0", "../x-1", "a/b-1", "x-01", ".-1", "x-1/"]) func noIds(id: String) {
        #expect(ProcessAttempt(parent: "/tmp", id: id) == nil)
    }

    @Test func aProcessWithTheSameNumberIsAnother() throws {
        let stat = try String(decoding: Data(contentsOf: URL(filePath: "/proc/self/stat")), as: UTF8.self)
        var supervisor = try #require(ProcessAttempt.Supervisor(stat: stat))
        #expect(supervisor.isAlive)
        supervisor.startTicks += 1
        #expect(!supervisor.isAlive)
        #expect(ProcessAttempt.Supervisor(stat: "7 (a) b) S 1") == nil)
        #expect(ProcessAttempt.Supervisor(stat: "") == nil)
    }

    @Test func longLogsKeepTheirEnd() async throws {
        try await Self.withRuntime { runtime, directory in
            let script = "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done"
            let id = try await Self.started(runtime, Self.shell(script))
            _ = try await runtime.wait(id)
            let attempt = try #require(ProcessAttempt(parent: directory, id: id))
            attempt.trimLogs(bytesMax: 65_536)
            var log = stat()
            #expect(stat(attempt.file("stdout"), &log) == 0)
            #expect(log.st_size > 300_000)
            #expect(log.st_blocks * 512 < 100_000)
            let tail = try await runtime.logTail(id, bytesMax: 1_000).flatMap { $0.bytes }
            #expect(String(decoding: tail, as: UTF8.self).hasSuffix("line 29998\nline 29999\n"))
        }
    }
}
