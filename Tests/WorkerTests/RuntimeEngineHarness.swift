import FoundationEssentials
import Logging
import PodlingAgent
import Testing

@testable import PodlingWorker

/// The real engines that the tests may use: scripts/engines.sh starts them and names their sockets.
enum TestEngine: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case docker
    case podman

    static let available = allCases.filter { $0.socketPath != nil }
    static let skipMessage: Comment = "PODLING_TEST_DOCKER_SOCKET and PODLING_TEST_PODMAN_SOCKET are not set"
    static let pullImage = ProcessInfo.processInfo.environment["PODLING_TEST_PULL_IMAGE"]
    static let image = "busybox:latest"

    var testDescription: String { rawValue }

    var socketPath: String? {
        let name =
            switch self {
            case .docker: "PODLING_TEST_DOCKER_SOCKET"
            case .podman: "PODLING_TEST_PODMAN_SOCKET"
            }
        return ProcessInfo.processInfo.environment[name]
    }

    private static let runtimes: [TestEngine: DockerRuntime] = available.reduce(into: [:]) { runtimes, engine in
        if let path = engine.socketPath {
            runtimes[engine] = DockerRuntime(socketPath: path, logger: Logger(label: "test"))
        }
    }

    func runtime() throws -> DockerRuntime { try #require(Self.runtimes[self]) }

    /// A spec nobody else uses.
    static func spec(_ command: [String], _ change: (inout ContainerSpec) -> Void = { _ in }) -> ContainerSpec {
        var spec = ContainerSpec(
            taskId: "t-\(UUID().uuidString.lowercased())",
            attempt: 1,
            nodeId: "node-under-test",
            image: image,
            command: command
        )
        change(&spec)
        return spec
    }

    static func shell(_ script: String, _ change: (inout ContainerSpec) -> Void = { _ in }) -> ContainerSpec {
        spec(["sh", "-c", script], change)
    }

    /// Creates the container, and removes it whatever happens in between.
    func withContainer<Value>(
        _ spec: ContainerSpec,
        isStarted: Bool = true,
        _ body: (DockerRuntime, String) async throws -> Value
    ) async throws -> Value {
        let runtime = try runtime()
        let id = try await runtime.create(spec)
        do {
            if isStarted { try await runtime.start(id) }
            let value = try await body(runtime, id)
            try await runtime.remove(id, force: true)
            return value
        } catch {
            try? await runtime.remove(id, force: true)
            throw error
        }
    }
}

extension ContainerRuntime {
    /// The last bytes of the output so far.
    func logTail(_ id: String, bytesMax: Int) async throws -> [LogChunk] {
        var chunks: [LogChunk] = []
        for try await chunk in try await logs(id, LogRequest(start: .tail(bytes: bytesMax))) where !chunk.bytes.isEmpty
        {
            chunks.append(chunk)
        }
        return chunks
    }

    func output(_ id: String, follow: Bool = false) async throws -> [LogChunk.Stream: String] {
        var bytes: [LogChunk.Stream: [UInt8]] = [:]
        for try await chunk in try await logs(id, LogRequest(follow: follow)) {
            bytes[chunk.stream, default: []] += chunk.bytes
        }
        return bytes.mapValues { String(decoding: $0, as: UTF8.self) }
    }
}
