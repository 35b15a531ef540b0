import PodlingAgent
import Testing

@testable import PodlingWorker

@Suite struct RuntimeDiscoveryTests {
    static func discovery(
        _ choice: EngineChoice,
        dockerHost: String? = nil,
        runtimeDirectory: String? = "/run/user/7",
        answering: [String] = []
    ) -> EngineDiscovery {
        EngineDiscovery(choice: choice, dockerHost: dockerHost, runtimeDirectory: runtimeDirectory) { path in
            guard answering.contains(path) else { throw RuntimeError(.engineUnavailable, "is not there") }
            return RuntimeInfo(engine: "docker", version: path)
        }
    }

    @Test(
        arguments: [
            (
                EngineChoice.auto, nil,
                [
                    "/var/run/docker.sock", "/run/user/7/docker.sock", "/run/podman/podman.sock",
                    "/run/user/7/podman/podman.sock",
                ]
            ),
            (.docker, nil, ["/var/run/docker.sock", "/run/user/7/docker.sock"]),
            (.docker, "", ["/var/run/docker.sock", "/run/user/7/docker.sock"]),
            (.podman, nil, ["/run/podman/podman.sock", "/run/user/7/podman/podman.sock"]),
            (.auto, "unix:///a b/c.sock", ["/a b/c.sock"]), (.podman, "unix:///x", ["/x"]), (.process, nil, []),
        ] as [(EngineChoice, String?, [String])]
    )
    func candidates(choice: EngineChoice, dockerHost: String?, paths: [String]) throws {
        #expect(try Self.discovery(choice, dockerHost: dockerHost).candidates() == paths)
    }

    @Test func aStrangeRuntimeDirectoryIsNotUsed() throws {
        let discovery = Self.discovery(.docker, runtimeDirectory: "relative")
        #expect(try discovery.candidates() == ["/var/run/docker.sock"])
    }

    @Test(arguments: [
        "tcp://127.0.0.1:2375", "ssh://host", "/var/run/docker.sock", "unix://relative", "unix://", "npipe:x",
    ])
    func otherAddressesAreRefused(dockerHost: String) async {
        let error = await #expect(throws: RuntimeError.self) {
            _ = try await Self.discovery(.auto, dockerHost: dockerHost).find()
        }
        #expect(error?.kind == .invalidSpec)
        #expect(error?.message.contains("unix:///") == true)
    }

    @Test func theFirstThatAnswersWins() async throws {
        let answering = ["/run/podman/podman.sock", "/run/user/7/podman/podman.sock"]
        let outcome = try await Self.discovery(.auto, answering: answering).find()
        #expect(outcome == .socket(path: answering[0], RuntimeInfo(engine: "docker", version: answering[0])))
    }

    @Test func nothingAnswersAndProcessesAreNoWayOut() async {
        let error = await #expect(throws: RuntimeError.self) { _ = try await Self.discovery(.auto).find() }
        #expect(error?.kind == .engineUnavailable)
        for path in ["/var/run/docker.sock", "/run/user/7/podman/podman.sock", "--engine process"] {
            #expect(error?.message.contains(path) == true)
        }
    }

    @Test func anAddressThatWasGivenIsTheOnlyOneTried() async {
        let discovery = Self.discovery(.auto, dockerHost: "unix:///x", answering: ["/var/run/docker.sock"])
        await #expect(throws: RuntimeError.self) { _ = try await discovery.find() }
    }

    @Test func processesOnRequest() async throws {
        #expect(try await Self.discovery(.process, dockerHost: "tcp://ignored").find() == .process)
    }

    @Test(.enabled(if: !TestEngine.available.isEmpty, TestEngine.skipMessage), arguments: TestEngine.available)
    func aRealSocketAnswers(engine: TestEngine) async throws {
        let path = try #require(engine.socketPath)
        let discovery = EngineDiscovery(choice: .auto, dockerHost: "unix://\(path)", runtimeDirectory: nil)
        guard case .socket(let found, let info) = try await discovery.find() else {
            Issue.record("no socket")
            return
        }
        #expect(found == path)
        #expect(info.engine == engine.rawValue)
    }

    @Test(arguments: ["/nonexistent/x.sock", "/dev/null", "/etc/passwd"]) func noEngineThere(path: String) async {
        let error = await #expect(throws: RuntimeError.self) { _ = try await EngineDiscovery.ask(path) }
        #expect(error?.kind == .engineUnavailable)
    }

    @Test(arguments: [
        ("4,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/libpod_parent/libpod-abc,task_memcg=/x,pid=1", true),
        ("4,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/machine.slice/libpod-abc.scope,task=sh", true),
        ("4,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/other,task_memcg=/libpod-abc", false),
        ("4,1,2,-;oom-kill:constraint=CONSTRAINT_NONE,task_memcg=/libpod-abc", false),
        ("4,1,2,-;libpod-abc is a name", false),
    ])
    func kernelRecords(record: String, isOutOfMemory: Bool) {
        #expect(KernelLog.isOutOfMemory(record, containerId: "abc") == isOutOfMemory)
    }
}
