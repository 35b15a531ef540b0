import PodlingAccess

/// The properties of one operation.
struct OperationRow {
    enum Audience {
        case clients, workers
    }

    /// What its reply reports of tasks.
    enum Effect {
        /// It reads a state, and can be repeated.
        case read
        /// It begins or ends a subscription to a state.
        case subscription
        /// It changes something, or reports that a task exists.
        case change
    }

    /// How a standby handles it (proto-spec.md, section 3.1).
    enum Standby {
        case answers
        case answersFromStore
        case greetsClients
        case refuses
    }

    /// The name in a line, and in `help`.
    let name: StaticString
    /// The permission it needs (proto-spec.md, section 10.1).
    let permission: Permissions
    let audience: Audience
    let effect: Effect
    let standby: Standby
    /// Its members and purpose, for `help`.
    let help: StaticString

    @inline(__always)
    init(
        _ name: StaticString,
        _ permission: Permissions,
        _ audience: Audience,
        _ effect: Effect,
        _ help: StaticString,
        standby: Standby = .refuses
    ) {
        self.name = name
        self.permission = permission
        self.audience = audience
        self.effect = effect
        self.standby = standby
        self.help = help
    }
}

extension Operation {
    /// The table, a row per operation; a new operation also needs its case in `Operation` and in `MasterCore.execute`.
    @inline(__always)
    var row: OperationRow {
        switch self {
        case .submit:
            OperationRow(
                "submit",
                .submit,
                .clients,
                .change,
                "name image [command args env ...]  run a container; every member of a task spec"
            )
        case .submitMany:
            OperationRow(
                "submit_many",
                .submit,
                .clients,
                .change,
                "tasks:[spec,...]                    up to 1000 specs, all or none"
            )
        case .importTasks:
            OperationRow(
                "import",
                .administer,
                .clients,
                .change,
                "tasks:[task,...]                    take up to 1000 tasks of another store as they are"
            )
        case .get:
            OperationRow(
                "get",
                .read,
                .clients,
                .read,
                "taskId                              one task",
                standby: .answersFromStore
            )
        case .list:
            OperationRow(
                "list",
                .read,
                .clients,
                .read,
                "[status nodeId name labels limit cursor order]",
                standby: .answersFromStore
            )
        case .cancel:
            OperationRow("cancel", .submit, .clients, .change, "taskId                              ask that it end")
        case .wait:
            OperationRow(
                "wait",
                .read,
                .clients,
                .subscription,
                "taskId                              one event when it has ended"
            )
        case .watch:
            OperationRow(
                "watch",
                .read,
                .clients,
                .subscription,
                "[taskId cursor]                     every transition"
            )
        case .logs:
            OperationRow("logs", .read, .clients, .subscription, "taskId [tail follow]                its output")
        case .unsubscribe:
            OperationRow(
                "unsubscribe",
                .read,
                .clients,
                .subscription,
                "sub                                 end a wait, watch or logs"
            )
        case .nodes:
            OperationRow(
                "nodes",
                .read,
                .clients,
                .read,
                "[limit cursor]                      the nodes",
                standby: .answersFromStore
            )
        case .drain:
            OperationRow(
                "drain",
                .administer,
                .clients,
                .change,
                "nodeId [on]                         no new work for a node"
            )
        case .ping:
            OperationRow(
                "ping",
                .greet,
                .clients,
                .read,
                "                                    how the master is",
                standby: .answers
            )
        case .help:
            OperationRow("help", .greet, .clients, .read, "                                    this", standby: .answers)
        case .hello:
            OperationRow(
                "hello",
                .greet,
                .clients,
                .read,
                "proto role [token node instance]    for workers, for tokens, for lines over 8 KiB",
                standby: .greetsClients
            )
        case .register:
            OperationRow(
                "register",
                .work,
                .workers,
                .change,
                "slots [cpu memory labels attempts]  worker: offer a node"
            )
        case .heartbeat:
            OperationRow(
                "heartbeat",
                .work,
                .workers,
                .read,
                "                                    worker: renew the lease"
            )
        case .deregister:
            OperationRow(
                "deregister",
                .work,
                .workers,
                .change,
                "                                    worker: take the node away"
            )
        case .accept:
            OperationRow(
                "accept",
                .work,
                .workers,
                .change,
                "taskId attempt                      worker: yes to an assignment"
            )
        case .reject:
            OperationRow(
                "reject",
                .work,
                .workers,
                .change,
                "taskId attempt [error]              worker: no to an assignment"
            )
        case .status:
            OperationRow(
                "status",
                .work,
                .workers,
                .change,
                "taskId attempt status [exitCode..]  worker: report an attempt"
            )
        case .log:
            OperationRow(
                "log",
                .work,
                .workers,
                .subscription,
                "sub stream text                     worker: output that was asked for"
            )
        case .logEnd:
            OperationRow(
                "log_end",
                .work,
                .workers,
                .subscription,
                "sub                                 worker: the end of it"
            )
        }
    }
}
