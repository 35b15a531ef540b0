import PodlingAccess
import PodlingProtocol

/// The operations of the protocol (proto-spec.md, section 6), the frequent ones first. `OperationTable.swift` has the
/// properties of each.
enum Operation: CaseIterable {
    case status, submit, heartbeat, accept, reject, get, list, submitMany, cancel, wait, watch, logs, unsubscribe
    case importTasks
    case nodes, drain, ping, help, hello, register, deregister, log, logEnd

    init?(_ value: JSONValue) {
        for operation in Self.allCases where value.stringEquals(operation.row.name) {
            self = operation
            return
        }
        return nil
    }

    var name: StaticString { row.name }

    /// Whether its reply reports no change by itself, and so need not wait for a late store.
    var isFree: Bool { row.effect != .change }

    /// Whether it brings tasks, which a master that shuts down no longer takes.
    var bringsTasks: Bool { self == .submit || self == .submitMany || self == .importTasks }

    /// The order of proto-spec.md.
    static let inHelpOrder: [Operation] = [
        .submit, .submitMany, .importTasks, .get, .list, .cancel, .wait, .watch, .logs, .unsubscribe, .nodes, .drain,
        .ping, .help, .hello, .register, .heartbeat, .deregister, .accept, .reject, .status, .log, .logEnd,
    ]
}
