import Logging
import PodlingAgent
import PodlingProtocol
import PodlingWorker

/// Creates the runtime that the operator chose.
struct EngineFinder {
    private static let retryMilliseconds: ClosedRange<Int64> = 500...10_000

    let environment: [String: String]
    let statePath: String
    let logBytesMax: Int
    let logger: Logger

    /// Waits for an engine that was named and does not answer, so that a worker may start before it.
    ///
    /// - Throws: `RuntimeError` when nothing answers to `auto`, or the named runtime is not possible.
    func find(_ choice: EngineChoice) async throws -> any ContainerRuntime {
        let discovery = EngineDiscovery(
            choice: choice,
            dockerHost: environment["DOCKER_HOST"],
            runtimeDirectory: environment["XDG_RUNTIME_DIR"]
        )
        var backoff = Backoff(milliseconds: Self.retryMilliseconds)
        while true {
            do {
                switch try await discovery.find() {
                case .socket(let path, _):
                    return DockerRuntime(socketPath: path, logger: logger, logBytesMax: logBytesMax)
                case .process:
                    return try ProcessRuntime(
                        directory: "\(statePath)/process",
                        path: environment["PATH"],
                        logBytesMax: logBytesMax
                    )
                }
            } catch let error as RuntimeError where error.kind == .engineUnavailable && choice != .auto {
                logger.warning("waiting for the engine: \(error.message)")
                let delay = backoff.nextMilliseconds(jitter: .random(in: 0..<1))
                try await Task.sleep(for: .milliseconds(delay))
            }
        }
    }
}
