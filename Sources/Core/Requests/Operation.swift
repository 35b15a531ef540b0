import PodlingAccess
import PodlingProtocol

/// The operations of the protocol (proto-spec.md, section 6), the frequent ones first.
enum Operation: CaseIterable {
    case status, submit, heartbeat, accept, reject, get, list, submitMany, cancel, wait, watch, logs, unsubscribe
    case importTasks
    case nodes, drain, ping, help, hello, register, deregister, log, logEnd

    init?(_ value: JSONValue) {
        for operation in Self.allCases where value.stringEquals(operation.name) {
            self = operation
            return
        }
        return nil
    }

    var name: StaticString {
        switch self {
        case .status: "status"
        case .submit: "submit"
        case .heartbeat: "heartbeat"
        case .accept: "accept"
        case .reject: "reject"
        case .get: "get"
        case .list: "list"
        case .submitMany: "submit_many"
        case .importTasks: "import"
        case .cancel: "cancel"
        case .wait: "wait"
        case .watch: "watch"
        case .logs: "logs"
        case .unsubscribe: "unsubscribe"
        case .nodes: "nodes"
        case .drain: "drain"
        case .ping: "ping"
        case .help: "help"
        case .hello: "hello"
        case .register: "register"
        case .deregister: "deregister"
        case .log: "log"
        case .logEnd: "log_end"
        }
    }

    var isForWorkers: Bool {
        switch self {
        case .status, .heartbeat, .accept, .reject, .register, .deregister, .log, .logEnd: true
        case .submit, .get, .list, .submitMany, .importTasks, .cancel, .wait, .watch, .logs, .unsubscribe, .nodes,
            .drain, .ping, .help, .hello:
            false
        }
    }

    /// Whether it brings tasks, which a master that goes down takes no more.
    var makesTasks: Bool { self == .submit || self == .submitMany || self == .importTasks }

    /// Who may ask for it (proto-spec.md, section 10.1).
    var permission: Permissions {
        switch self {
        case .ping, .help, .hello: .greet
        case .get, .list, .wait, .watch, .logs, .unsubscribe, .nodes: .read
        case .submit, .submitMany, .cancel: .submit
        case .importTasks, .drain: .administer
        case .status, .heartbeat, .accept, .reject, .register, .deregister, .log, .logEnd: .work
        }
    }

    /// Whether it only tells what is, and can be asked again.
    var isRead: Bool {
        switch self {
        case .get, .list, .nodes, .ping, .help, .hello, .heartbeat: true
        case .status, .submit, .accept, .reject, .submitMany, .importTasks, .cancel, .wait, .watch, .logs, .unsubscribe,
            .drain, .register, .deregister, .log, .logEnd:
            false
        }
    }

    /// Whether its answer says nothing of a change by itself, and so need not wait for a store that is late.
    var isFree: Bool {
        switch self {
        case .wait, .watch, .logs, .unsubscribe, .log, .logEnd: true
        default: isRead
        }
    }

    /// In the order of proto-spec.md.
    static let inHelpOrder: [Operation] = [
        .submit, .submitMany, .importTasks, .get, .list, .cancel, .wait, .watch, .logs, .unsubscribe, .nodes, .drain,
        .ping, .help, .hello, .register, .heartbeat, .deregister, .accept, .reject, .status, .log, .logEnd,
    ]

    /// One line for `help`.
    var summary: StaticString {
        switch self {
        case .submit: "submit       name image [command args env ...]  run a container; every member of a task spec"
        case .submitMany: "submit_many  tasks:[spec,...]                    up to 1000 specs, all or none"
        case .importTasks:
            "import       tasks:[task,...]                    take up to 1000 tasks of another store as they are"
        case .get: "get          taskId                              one task"
        case .list: "list         [status nodeId name labels limit cursor order]"
        case .cancel: "cancel       taskId                              ask that it end"
        case .wait: "wait         taskId                              one event when it has ended"
        case .watch: "watch        [taskId cursor]                     every transition"
        case .logs: "logs         taskId [tail follow]                its output"
        case .unsubscribe: "unsubscribe  sub                                 end a wait, watch or logs"
        case .nodes: "nodes        [limit cursor]                      the nodes"
        case .drain: "drain        nodeId [on]                         no new work for a node"
        case .ping: "ping                                             how the master is"
        case .help: "help                                             this"
        case .hello: "hello        proto role [token node instance]    for workers, for tokens, for lines over 8 KiB"
        case .register: "register     slots [cpu memory labels attempts]  worker: offer a node"
        case .heartbeat: "heartbeat                                        worker: renew the lease"
        case .deregister: "deregister                                       worker: take the node away"
        case .accept: "accept       taskId attempt                      worker: yes to an assignment"
        case .reject: "reject       taskId attempt [error]              worker: no to an assignment"
        case .status: "status       taskId attempt status [exitCode..]  worker: report an attempt"
        case .log: "log          sub stream text                     worker: output that was asked for"
        case .logEnd: "log_end      sub                                 worker: the end of it"
        }
    }
}
