import HTTPTypes
import Hummingbird

/// The paths that are served, and the methods allowed on each.
enum Route: Equatable {
    case health
    /// The readiness probe; with `leads`, a master is ready only where it leads.
    case ready(leads: Bool)
    case tasks
    case task(id: String)
    case taskCancel(id: String)
    case taskStatus(id: String)
    case nodes
    case nodeRegister
    case nodeHeartbeat(id: String)

    /// - Parameter path: without the query; one slash at the end is tolerated.
    init?(path: String) {
        var segments = path.split(separator: "/", omittingEmptySubsequences: false)[...]
        guard segments.count > 1, segments.removeFirst().isEmpty else { return nil }
        if segments.count > 1, segments.last?.isEmpty == true { segments.removeLast() }
        if segments.count == 1, let probe = segments.first.flatMap({ Self.probes[$0] }) {
            self = probe
            return
        }
        guard segments.count > 2, segments.removeFirst() == "api", segments.removeFirst() == "v1" else { return nil }
        switch (segments.removeFirst(), segments.first.map { String($0) }, segments.dropFirst().first, segments.count) {
        case ("tasks", nil, nil, 0): self = .tasks
        case ("tasks", .some(let id), nil, 1): self = .task(id: id)
        case ("tasks", .some(let id), "cancel", 2): self = .taskCancel(id: id)
        case ("tasks", .some(let id), "status", 2): self = .taskStatus(id: id)
        case ("nodes", nil, nil, 0): self = .nodes
        case ("nodes", "register", nil, 1): self = .nodeRegister
        case ("nodes", .some(let id), "heartbeat", 2): self = .nodeHeartbeat(id: id)
        default: return nil
        }
    }

    /// The route's name for the log: it holds nothing that the peer made up.
    var name: String {
        switch self {
        case .health: "health"
        case .ready: "ready"
        case .tasks: "tasks"
        case .task: "a task"
        case .taskCancel: "a task's cancel"
        case .taskStatus: "a task's status"
        case .nodes: "nodes"
        case .nodeRegister: "nodes/register"
        case .nodeHeartbeat: "a node's heartbeat"
        }
    }

    /// Whether it is answered on a node's own connection.
    var isForWorkers: Bool {
        switch self {
        case .taskStatus, .nodeRegister, .nodeHeartbeat: true
        case .health, .ready, .tasks, .task, .taskCancel, .nodes: false
        }
    }

    /// Whether it needs no authentication.
    var isProbe: Bool {
        switch self {
        case .health, .ready: true
        case .tasks, .task, .taskCancel, .taskStatus, .nodes, .nodeRegister, .nodeHeartbeat: false
        }
    }

    private static let probes: [Substring: Route] = [
        "health": .health, "ready": .ready(leads: false), "leader": .ready(leads: true),
    ]

    var methods: [HTTPRequest.Method] {
        switch self {
        case .health, .ready, .nodes: [.get, .head]
        case .tasks: [.get, .head, .post]
        case .task: [.get, .head, .delete]
        case .taskCancel, .nodeRegister, .nodeHeartbeat: [.post]
        case .taskStatus: [.put]
        }
    }
}
