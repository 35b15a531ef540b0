import Glibc
import Logging
import PodlingAgent

/// The operator's choice of an engine.
package enum EngineChoice: String, Sendable, CaseIterable {
    /// Whichever container engine answers first. Never processes: those have no isolation.
    case auto
    case docker
    case podman
    case process
}

/// Finds the engine's socket.
package struct EngineDiscovery: Sendable {
    package enum Outcome: Sendable, Equatable {
        case socket(path: String, RuntimeInfo)
        case process
    }

    /// Identifies the engine at a socket.
    package typealias Probe = @Sendable (_ socketPath: String) async throws -> RuntimeInfo

    package static let probeSeconds = 10.0

    private let choice: EngineChoice
    private let dockerHost: String?
    private let runtimeDirectory: String?
    private let probe: Probe

    /// - Parameters:
    ///   - dockerHost: the value of `DOCKER_HOST`; where it is set, nothing else is tried.
    ///   - runtimeDirectory: the value of `XDG_RUNTIME_DIR`, where rootless engines keep their sockets.
    package init(
        choice: EngineChoice,
        dockerHost: String?,
        runtimeDirectory: String?,
        probe: @escaping Probe = EngineDiscovery.ask
    ) {
        self.choice = choice
        self.dockerHost = dockerHost.flatMap { $0.isEmpty ? nil : $0 }
        self.runtimeDirectory = runtimeDirectory.flatMap { $0.hasPrefix("/") ? $0 : nil }
        self.probe = probe
    }

    /// The sockets to try, in order.
    package func candidates() throws(RuntimeError) -> [String] {
        if let dockerHost { return [try Self.socketPath(dockerHost)] }
        let docker = ["/var/run/docker.sock"] + (runtimeDirectory.map { ["\($0)/docker.sock"] } ?? [])
        let podman = ["/run/podman/podman.sock"] + (runtimeDirectory.map { ["\($0)/podman/podman.sock"] } ?? [])
        return switch choice {
        case .auto: docker + podman
        case .docker: docker
        case .podman: podman
        case .process: []
        }
    }

    /// Throws `.engineUnavailable`, listing everything that was tried, when nothing answers.
    package func find() async throws -> Outcome {
        if choice == .process { return .process }
        var failures: [String] = []
        for path in try candidates() {
            do {
                return .socket(path: path, try await probe(path))
            } catch let error as RuntimeError {
                failures.append("\(path): \(error.message)")
            }
        }
        throw RuntimeError(
            .engineUnavailable,
            """
            no container engine answers. Tried \(failures.joined(separator: "; ")). Start Docker or Podman's service, \
            set DOCKER_HOST=unix:///path/to/socket, or allow plain processes with --engine process
            """
        )
    }

    /// The path in `unix:///path`, the only kind of address that is supported.
    static func socketPath(_ dockerHost: String) throws(RuntimeError) -> String {
        let scheme = "unix://"
        guard dockerHost.hasPrefix(scheme) else {
            throw RuntimeError(
                .invalidSpec,
                """
                DOCKER_HOST must be unix:///path/to/socket. An engine's TCP port gives root on its machine to whoever \
                reaches it, and its ssh:// needs a Docker client; run a worker beside the engine
                """
            )
        }
        let path = String(dockerHost.dropFirst(scheme.count))
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw RuntimeError(.invalidSpec, "DOCKER_HOST must hold an absolute path, as in unix:///run/docker.sock")
        }
        return path
    }

    /// The probe for production use.
    package static let ask: Probe = { path in
        guard access(path, F_OK) == 0 else { throw RuntimeError(.engineUnavailable, "is not there") }
        guard access(path, R_OK | W_OK) == 0 else {
            throw RuntimeError(.engineUnavailable, "this user may not use it (is it in the engine's group?)")
        }
        let runtime = DockerRuntime(socketPath: path, logger: Logger(label: "podling.discovery"))
        let result: Result<RuntimeInfo, any Error>
        do {
            result = .success(
                try await withDeadline(seconds: probeSeconds, what: "asking for the version") {
                    try await runtime.info()
                }
            )
        } catch {
            result = .failure(error)
        }
        await runtime.shutdown()
        return try result.get()
    }
}
