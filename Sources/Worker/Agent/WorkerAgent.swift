import Logging
import PodlingAgent
import PodlingClient
import PodlingProtocol
import ServiceLifecycle

/// A worker: adopts containers of its earlier runs, registers with a master, and runs its assignments until shutdown.
package struct WorkerAgent: Service {
    private static let engineRetryMilliseconds: ClosedRange<Int64> = 500...10_000

    private let configuration: AgentConfiguration
    private let masters: [MasterAddress]
    private let token: AccessToken?
    private let runtime: any ContainerRuntime
    private let logger: Logger

    /// - Parameters:
    ///   - masters: at least one; tried in turn.
    ///   - token: the token for a master that requires authentication.
    package init(
        configuration: AgentConfiguration,
        masters: [MasterAddress],
        token: AccessToken? = nil,
        runtime: any ContainerRuntime,
        logger: Logger
    ) {
        self.configuration = configuration
        self.masters = masters
        self.token = token
        self.runtime = runtime
        self.logger = logger
    }

    /// Returns after a graceful shutdown or a cancellation. Waits for an engine or a master that is unreachable.
    package func run() async throws {
        guard let adopted = await findContainers() else { return }
        var configuration = configuration
        configuration.addressCount = masters.count
        let loop = AgentLoop(
            configuration: configuration,
            adopted: adopted,
            masters: masters,
            token: token,
            runtime: runtime,
            logger: logger
        )
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await loop.run()
            } onGracefulShutdown: {
                Task { await loop.handle(.shutdown) }
            }
        } onCancel: {
            loop.end()
        }
    }

    /// The containers of this node's earlier runs; nil if the shutdown comes before the engine answers.
    ///
    /// The registration waits for this: the master would otherwise place again what still runs here.
    private func findContainers() async -> [AdoptedContainer]? {
        var backoff = Backoff(milliseconds: Self.engineRetryMilliseconds)
        while true {
            do {
                return try await cancelWhenGracefulShutdown { try await runtime.list(nodeId: configuration.nodeId) }
            } catch is CancellationError {
                return nil
            } catch {
                let delay = backoff.nextMilliseconds(jitter: .random(in: 0..<1))
                logger.warning("the engine does not say what runs: \(error)", metadata: ["retryMs": "\(delay)"])
                guard await paused(milliseconds: delay) else { return nil }
            }
        }
    }

    private func paused(milliseconds: Int64) async -> Bool {
        do {
            try await cancelWhenGracefulShutdown { try await Task.sleep(for: .milliseconds(milliseconds)) }
            return !Task.isShuttingDownGracefully
        } catch {
            return false
        }
    }
}
