import FoundationEssentials
import TestSupport
import Testing

/// What runs the tasks of a test. scripts/engines.sh starts the container engines and names their sockets.
enum IntegrationEngine: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case process
    case docker
    case podman

    static let containers = [docker, podman].filter { $0.socketPath != nil }
    static let skipMessage: Comment = "PODLING_TEST_DOCKER_SOCKET and PODLING_TEST_PODMAN_SOCKET are not set"

    var testDescription: String { rawValue }

    var socketPath: String? {
        let environment = ProcessInfo.processInfo.environment
        return switch self {
        case .process: nil
        case .docker: environment["PODLING_TEST_DOCKER_SOCKET"]
        case .podman: environment["PODLING_TEST_PODMAN_SOCKET"]
        }
    }

    /// The containers that carry all of these labels.
    func containers(_ labels: [String]) throws -> [JSON] {
        let filter = #"{"label":[\#(labels.map { "\"\($0)\"" }.joined(separator: ","))]}"#
        let arguments = ["-G", "--data-urlencode", "filters=\(filter)", "http://engine/containers/json?all=1"]
        return try JSON(parsing: Array(try call(arguments).utf8)).elements
    }

    /// Calls the engine's API.
    @discardableResult
    func call(_ arguments: [String]) throws -> String {
        guard let socketPath else { throw TestSupportError("\(self) has no socket") }
        return try Tool.output("curl", ["-sS", "--max-time", "30", "--unix-socket", socketPath] + arguments)
    }
}
