import PodlingProtocol

/// The content of an assignment.
package struct AttemptPlan: Sendable, Equatable {
    package var container: ContainerSpec
    package var pullPolicy: PullPolicy

    package init(container: ContainerSpec, pullPolicy: PullPolicy = .missing) {
        self.container = container
        self.pullPolicy = pullPolicy
    }
}

extension AttemptPlan {
    /// Converts a spec for an engine, with the three variables that identify the task to itself (proto-spec section
    /// 11).
    init(_ spec: TaskSpec, key: AttemptKey, nodeId: String) {
        let own: [ContainerSpec.Variable] = [
            .init("PODLING_TASK_ID", key.taskId),
            .init("PODLING_ATTEMPT", String(key.attempt)),
            .init("PODLING_NODE_ID", nodeId),
        ]
        let container = ContainerSpec(
            taskId: key.taskId,
            attempt: key.attempt,
            nodeId: nodeId,
            image: spec.image,
            command: spec.command,
            args: spec.args,
            env: spec.env.map { .init($0.name, $0.value) } + own,
            workingDir: spec.workingDir,
            ports: spec.ports.map {
                .init(container: $0.container, host: $0.host, transport: .init(rawValue: $0.transport) ?? .tcp)
            },
            cpuLimitMillis: spec.cpuLimitMillis,
            memoryLimitBytes: spec.memoryLimitBytes.map(Int64.init),
            stopGraceSeconds: spec.stopGraceSeconds
        )
        self.init(container: container, pullPolicy: PullPolicy(rawValue: spec.pullPolicy.rawValue) ?? .missing)
    }
}
