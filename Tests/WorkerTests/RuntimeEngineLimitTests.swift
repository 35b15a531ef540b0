import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import PodlingAgent
import PodlingProtocol
import Testing

@testable import PodlingWorker

/// Limits, ports and images on every engine there is.
@Suite(
    .enabled(if: !TestEngine.available.isEmpty, TestEngine.skipMessage),
    .serialized,
    .timeLimit(.minutes(10))
)
struct RuntimeEngineLimitTests {
    struct Inspected: Decodable {
        struct Host: Decodable {
            struct Binding: Decodable {
                var HostPort: String
            }

            var NanoCpus: Int64
            var Memory: Int64
            var MemorySwap: Int64
            var PortBindings: [String: [Binding]]?
            var Privileged: Bool
        }

        struct Network: Decodable {
            var Ports: [String: [Host.Binding]?]?
        }

        var HostConfig: Host
        var NetworkSettings: Network
    }

    static func inspect(_ runtime: DockerRuntime, _ id: String) async throws -> Inspected {
        try await runtime.call(.GET, "/containers/\(id)/json", deadlineSeconds: 30).decode(Inspected.self)
    }

    @Test(arguments: TestEngine.available) func limitsReachTheEngine(engine: TestEngine) async throws {
        let spec = TestEngine.spec(["sleep", "600"]) {
            $0.cpuLimitMillis = 250
            $0.memoryLimitBytes = 64 << 20
        }
        try await engine.withContainer(spec) { runtime, id in
            let host = try await Self.inspect(runtime, id).HostConfig
            #expect(host.NanoCpus == 250_000_000)
            #expect(host.Memory == 64 << 20)
            #expect(host.MemorySwap == 64 << 20)
            #expect(!host.Privileged)
        }
    }

    @Test(arguments: TestEngine.available) func outOfMemory(engine: TestEngine) async throws {
        let spec = TestEngine.shell("x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done") {
            $0.memoryLimitBytes = 16 << 20
        }
        try await engine.withContainer(spec) { runtime, id in
            let status = try await runtime.wait(id)
            #expect(status.exitCode == 137)
            #expect(status.oomKilled)
        }
    }

    @Test(arguments: TestEngine.available) func aPublishedPortAnswers(engine: TestEngine) async throws {
        let spec = TestEngine.shell("while true; do echo hello | nc -l -p 8080; done") {
            $0.ports = [.init(container: 8_080)]
        }
        try await engine.withContainer(spec) { runtime, id in
            let ports = try await Self.inspect(runtime, id).NetworkSettings.Ports
            let text = try #require(ports?["8080/tcp"]??.first?.HostPort)
            let port = try #require(Int(text))
            #expect(Limits.portNumbers.contains(port))
            #expect(try await Self.hears("hello", port: port))
        }
    }

    /// Connects until the server in the container is up.
    static func hears(_ word: String, port: Int) async throws -> Bool {
        for _ in 0..<100 {
            let channel = try? await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "127.0.0.1", port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            let heard = try? await channel?.executeThenClose { inbound, _ in
                for try await buffer in inbound where String(buffer: buffer).contains(word) { return true }
                return false
            }
            if heard == true { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    @Test(arguments: TestEngine.available) func aTakenPortIsSaid(engine: TestEngine) async throws {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "0.0.0.0", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let spec = TestEngine.spec(["true"]) { $0.ports = [.init(container: 80, host: port)] }
        try await engine.withContainer(spec, isStarted: false) { runtime, id in
            let error = await #expect(throws: RuntimeError.self) { try await runtime.start(id) }
            #expect(error?.kind == .other)
            #expect(error?.message.contains("port is taken") == true, "\(String(describing: error))")
        }
        try await server.close()
    }

    @Test(arguments: TestEngine.available) func pullPolicies(engine: TestEngine) async throws {
        let runtime = try engine.runtime()
        try await runtime.prepare(image: TestEngine.image, policy: .missing)
        try await runtime.prepare(image: TestEngine.image, policy: .never)
        let error = await #expect(throws: RuntimeError.self) {
            try await runtime.prepare(image: "podling-no-such-image:1", policy: .never)
        }
        #expect(error?.kind == .imageNotFound)
        let created = await #expect(throws: RuntimeError.self) {
            _ = try await runtime.create(TestEngine.spec(["true"]) { $0.image = "podling-no-such-image:1" })
        }
        #expect(created?.kind == .imageNotFound)
    }

    @Test(
        .enabled(if: TestEngine.pullImage != nil, "PODLING_TEST_PULL_IMAGE is not set"),
        arguments: TestEngine.available
    )
    func pullsFromARegistry(engine: TestEngine) async throws {
        let runtime = try engine.runtime()
        let image = try #require(TestEngine.pullImage)
        _ = try await runtime.call(.DELETE, "/images/\(image)", query: [("force", "true")], deadlineSeconds: 60)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<5 { group.addTask { try await runtime.prepare(image: image, policy: .missing) } }
            try await group.waitForAll()
        }
        try await runtime.prepare(image: image, policy: .always)
        try await engine.withContainer(TestEngine.spec(["true"]) { $0.image = image }) { runtime, id in
            let status = try await runtime.wait(id)
            #expect(status.exitCode == 0)
        }
        let reference = try #require(ImageReference(image))
        let absent = await #expect(throws: RuntimeError.self) {
            try await runtime.prepare(image: "\(reference.name)-nope:1", policy: .missing)
        }
        #expect(absent?.kind == .imageNotFound, "\(String(describing: absent))")
    }

    @Test(arguments: TestEngine.available) func aRegistryThatIsAway(engine: TestEngine) async throws {
        let error = await #expect(throws: RuntimeError.self) {
            try await engine.runtime().prepare(image: "127.0.0.1:1/nope:1", policy: .missing)
        }
        #expect(error?.kind == .imagePull, "\(String(describing: error))")
        #expect(error?.isRetryable == true)
    }
}
