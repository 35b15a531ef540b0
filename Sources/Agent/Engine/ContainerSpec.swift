/// When to pull an image from its registry.
package enum PullPolicy: String, Sendable, CaseIterable {
    case always
    case missing
    case never
}

/// Everything an engine needs to create the container of one attempt.
package struct ContainerSpec: Sendable, Equatable {
    package struct Variable: Sendable, Equatable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package struct Port: Sendable, Equatable {
        package enum Transport: String, Sendable, CaseIterable {
            case tcp
            case udp
        }

        package var container: Int
        /// Port on the host; nil lets the engine choose a free one.
        package var host: Int?
        package var transport: Transport

        package init(container: Int, host: Int? = nil, transport: Transport = .tcp) {
            self.container = container
            self.host = host
            self.transport = transport
        }
    }

    package var taskId: String
    package var attempt: Int
    package var nodeId: String
    package var image: String
    /// Replaces the image's entrypoint, as Kubernetes' `command` does; nil keeps it, and an empty one clears it.
    package var command: [String]?
    /// Replaces the image's default arguments, as Kubernetes' `args` does; nil keeps them (unless `command` is given).
    package var args: [String]?
    package var env: [Variable]
    /// Absolute; nil keeps the image's.
    package var workingDir: String?
    package var ports: [Port]
    /// Thousandths of one core.
    package var cpuLimitMillis: Int?
    package var memoryLimitBytes: Int64?
    package var stopGraceSeconds: Int

    package init(
        taskId: String,
        attempt: Int,
        nodeId: String,
        image: String,
        command: [String]? = nil,
        args: [String]? = nil,
        env: [Variable] = [],
        workingDir: String? = nil,
        ports: [Port] = [],
        cpuLimitMillis: Int? = nil,
        memoryLimitBytes: Int64? = nil,
        stopGraceSeconds: Int = 10
    ) {
        self.taskId = taskId
        self.attempt = attempt
        self.nodeId = nodeId
        self.image = image
        self.command = command
        self.args = args
        self.env = env
        self.workingDir = workingDir
        self.ports = ports
        self.cpuLimitMillis = cpuLimitMillis
        self.memoryLimitBytes = memoryLimitBytes
        self.stopGraceSeconds = stopGraceSeconds
    }

    package var key: AttemptKey { AttemptKey(taskId: taskId, attempt: attempt) }
}
