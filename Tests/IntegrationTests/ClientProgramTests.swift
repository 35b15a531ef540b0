import Glibc
import TestSupport
import Testing

/// `podling-client` with a real master and a real worker.
@Suite(.timeLimit(.minutes(8))) struct ClientProgramTests {
    /// A master and one node.
    private struct Cluster {
        let master: MasterProcess
        let node: WorkerNode
        let worker: ProgramProcess
        let peer: Peer

        init(_ engine: IntegrationEngine = .process) throws {
            master = try MasterProcess(["--heartbeat", "0.5", "--lease", "60"])
            node = try WorkerNode(engine, master)
            worker = try node.start(slots: 4)
            peer = try Peer(master)
            try peer.awaitNode(node.nodeId) { $0["status"]?.text == "online" }
        }

        func start(_ arguments: [String]) throws -> ProgramProcess {
            let environment = ["PODLING_MASTER": master.address]
            return try ProgramProcess(ProductsDirectory.program("podling-client"), arguments, environment: environment)
        }

        /// What it printed, once it ended with `status`.
        func client(_ arguments: [String], status: Int32 = 0) throws -> String {
            let program = try start(arguments)
            let ending = program.wait(deadline: .after(seconds: 60))
            guard ending == .exited(status) else {
                throw TestSupportError("\(arguments) ended with \(String(describing: ending)): \(program.output)")
            }
            return program.output
        }

        func end() {
            #expect(worker.terminate() == .exited(0))
            #expect(master.terminate() == .exited(0))
        }
    }

    @Test func runEndsAsItsTask() async throws {
        try await onThread {
            let cluster = try Cluster()
            #expect(
                try cluster.client(["run", "busybox", "sh", "-c", "echo out; echo \"$0-$A\"", "a  b"]) == "out\na  b-\n"
            )
            let failing = ["run", "-e", "A=x y", "busybox", "sh", "-c", "echo $A; exit 3"]
            #expect(try cluster.client(failing, status: 3) == "x y\n")
            let late = ["run", "--timeout", "1", "--grace", "1", "busybox", "sleep", "600"]
            _ = try cluster.client(late, status: 124)
            _ = try cluster.client(["run", "busybox", "no-such-program-anywhere"], status: 127)
            cluster.end()
        }
    }

    @Test(
        .enabled(if: !IntegrationEngine.containers.isEmpty, IntegrationEngine.skipMessage),
        arguments: IntegrationEngine.containers
    )
    func runEndsAsItsContainer(engine: IntegrationEngine) async throws {
        try await onThread {
            let cluster = try Cluster(engine)
            let script = "echo \"$A $PWD $PODLING_ATTEMPT $PODLING_NODE_ID\"; exit 3"
            let failing = ["run", "-e", "A=x y", "--workdir", "/tmp", "busybox", "sh", "-c", script]
            #expect(try cluster.client(failing, status: 3) == "x y /tmp 1 \(cluster.node.nodeId)\n")
            let late = ["run", "--timeout", "1", "--grace", "1", "busybox", "sleep", "600"]
            _ = try cluster.client(late, status: 124)
            _ = try cluster.client(["run", "busybox", "no-such-program-anywhere"], status: 125)
            let absent = ["run", "--pull", "never", "127.0.0.1:1/absent:1", "true"]
            _ = try cluster.client(absent, status: 125)
            cluster.end()
        }
    }

    /// Arguments go to the image's entry point, which may be replaced or cleared.
    @Test(
        .enabled(if: !IntegrationEngine.containers.isEmpty, IntegrationEngine.skipMessage),
        arguments: IntegrationEngine.containers
    )
    func theEntryPointIsKeptReplacedOrCleared(engine: IntegrationEngine) async throws {
        try await onThread {
            let image = try Self.imageWithEntryPoint(engine)
            defer { _ = try? engine.call(["-X", "DELETE", "http://engine/images/\(image)?force=1"]) }
            let cluster = try Cluster(engine)
            let cases: [(options: [String], arguments: [String], says: String)] = [
                ([], [], "entry echo own\n"),
                ([], ["a", "b  c", "--name"], "entry a b  c --name\n"),
                (["--entrypoint", "printf"], ["%s.", "x", "y"], "x.y."),
                (["--entrypoint", "env"], ["echo", "env"], "env\n"),
                (["--entrypoint", ""], ["echo", "bare"], "bare\n"),
                (["--entrypoint", ""], [], "own\n"),
            ]
            for (options, arguments, says) in cases {
                let said = try cluster.client(["run", "--pull", "never"] + options + [image] + arguments)
                #expect(said == says, "\(options) \(arguments)")
            }
            cluster.end()
        }
    }

    private static func imageWithEntryPoint(_ engine: IntegrationEngine) throws -> String {
        let repository = "127.0.0.1:1/podling-entry"
        let create = [
            "-X", "POST", "-H", "Content-Type: application/json", "-d", #"{"Image":"busybox","Cmd":["true"]}"#,
            "http://engine/containers/create",
        ]
        let id = try JSON(parsing: Array(try engine.call(create).utf8))["Id"]?.text ?? ""
        defer { _ = try? engine.call(["-X", "DELETE", "http://engine/containers/\(id)?force=1"]) }
        let query = [
            "container=\(id)", "repo=\(repository)", "tag=1", #"changes=ENTRYPOINT ["echo","entry"]"#,
            #"changes=CMD ["echo","own"]"#,
        ]
        let commit =
            ["-X", "POST", "-H", "Content-Type: application/json", "-d", "{}", "http://engine/commit"]
            + query.flatMap { ["--url-query", $0] }
        let committed = try engine.call(commit)
        guard committed.contains("Id") else { throw TestSupportError("commit: \(committed)") }
        return repository + ":1"
    }

    @Test func aRunWhoseTaskIsForgottenEnds() async throws {
        try await onThread {
            let cluster = try Cluster()
            let run = try cluster.start(["run", "busybox", "sh", "-c", "echo started; sleep 600"])
            let started = Deadline.after(seconds: 60).poll { run.output.contains("started") ? true : nil }
            #expect(started == true, "\(run.output)")
            cluster.master.process.signal(SIGKILL)
            #expect(cluster.master.process.wait(deadline: .after(seconds: 30)) == .signalled(SIGKILL))
            let again = try MasterProcess(["--listen", cluster.master.address])
            #expect(run.wait(deadline: .after(seconds: 60)) == .exited(125), "\(run.output)")
            #expect(run.output.contains("not_found"), "\(run.output)")
            #expect(cluster.worker.terminate() == .exited(0))
            #expect(again.terminate() == .exited(0))
        }
    }

    @Test func anInterruptCancelsTheTask() async throws {
        try await onThread {
            let cluster = try Cluster()
            let run = try cluster.start([
                "run", "--name", "long", "--grace", "1", "busybox", "sh", "-c", "echo started; sleep 600",
            ])
            let started = Deadline.after(seconds: 60).poll { run.output.contains("started") ? true : nil }
            #expect(started == true, "\(run.output)")
            run.signal(SIGINT)
            #expect(run.wait(deadline: .after(seconds: 60)) == .exited(130))
            let task = try #require(try cluster.peer.request("list")["tasks"]?.elements.first)
            #expect(task["status"]?.text == "cancelled")
            #expect(task["reason"]?.text == "cancelled")
            cluster.end()
        }
    }

    @Test func theOtherCommandsShowTheSame() async throws {
        try await onThread {
            let cluster = try Cluster()
            let script = "echo one; trap 'echo two; exit 5' USR1; echo $$ >&2; while :; do sleep 0.1; done"
            let taskId = try cluster.client(["run", "--detach", "--name", "shown", "busybox", "sh", "-c", script])
                .dropLast()
            let follower = try cluster.start(["logs", "-f", String(taskId)])
            let processID = Deadline.after(seconds: 60).poll { () -> pid_t? in
                follower.output.contains("one\n")
                    ? follower.output.split(separator: "\n").lazy.compactMap { pid_t($0) }.first : nil
            }
            try cluster.peer.awaitStatus(String(taskId), "running")
            #expect(try cluster.client(["ps"]).contains(taskId))
            let get = ["get", String(taskId), "--output", "json"]
            let running = try JSON(parsing: Array(try cluster.client(get).utf8))
            #expect(running == (try cluster.peer.task(String(taskId))))
            let waiter = try cluster.start(["wait", String(taskId)])
            kill(try #require(processID), SIGUSR1)
            #expect(waiter.wait(deadline: .after(seconds: 60)) == .exited(5))
            #expect(follower.wait(deadline: .after(seconds: 60)) == .exited(0))
            #expect(follower.output.contains("two\n"))
            #expect(try cluster.client(["logs", String(taskId)]).contains("one\ntwo\n"))
            #expect(try !cluster.client(["ps"]).contains(taskId))
            #expect(try cluster.client(["ps", "--all"]).contains(taskId))
            cluster.end()
        }
    }

    @Test func aDrainedNodeGetsNoTask() async throws {
        try await onThread {
            let cluster = try Cluster()
            _ = try cluster.client(["drain", cluster.node.nodeId])
            #expect(try cluster.peer.node(cluster.node.nodeId)?["draining"] == .bool(true))
            let taskId = String(try cluster.client(["run", "--detach", "busybox", "true"]).dropLast())
            #expect(try cluster.peer.task(taskId)["status"]?.text == "pending")
            _ = try cluster.client(["cancel", taskId])
            _ = try cluster.client(["wait", taskId], status: 130)
            _ = try cluster.client(["drain", "--undo", cluster.node.nodeId])
            _ = try cluster.client(["run", "busybox", "true"])
            cluster.end()
        }
    }
}
