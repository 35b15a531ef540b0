import FoundationEssentials
import TestSupport

/// A node whose worker may be killed and restarted. Its containers are removed with the last reference to it.
final class WorkerNode: Sendable {
    let nodeId = "node-\(UUID().uuidString.lowercased())"
    let engine: IntegrationEngine
    private let state: Scratch
    private let masterAddress: String

    /// - Parameter masters: several share one store.
    convenience init(_ engine: IntegrationEngine, _ masters: MasterProcess...) throws {
        try self.init(engine, masters: masters.map(\.address).joined(separator: ","))
    }

    /// - Parameter masters: HOST:PORT of each, with commas.
    init(_ engine: IntegrationEngine, masters: String) throws {
        self.engine = engine
        state = try Scratch()
        masterAddress = masters
    }

    deinit {
        for container in (try? containers()) ?? [] {
            guard let id = container["Id"]?.text else { continue }
            _ = try? engine.call(["-X", "DELETE", "http://engine/containers/\(id)?force=1"])
        }
    }

    /// Starts the worker. Tasks that still run at its shutdown are stopped.
    func start(slots: Int = 10) throws -> ProgramProcess {
        var environment: [String: String] = [:]
        if let path = engine.socketPath { environment["DOCKER_HOST"] = "unix://\(path)" }
        let identity = ["--node-id", nodeId, "--state-dir", state.path]
        return try ProgramProcess(
            ProductsDirectory.program("podling-worker"),
            ["--master", masterAddress, "--engine", engine.rawValue, "--slots", "\(slots)", "--stop-on-exit"]
                + identity,
            environment: environment
        )
    }

    func containers(_ labels: [String] = []) throws -> [JSON] {
        engine == .process ? [] : try engine.containers(["podling.node=\(nodeId)"] + labels)
    }
}
