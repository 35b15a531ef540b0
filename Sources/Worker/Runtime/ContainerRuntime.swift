/// What runs tasks: a container engine, or plain processes.
///
/// Every call may be cancelled. Errors are `RuntimeError`s (or `CancellationError`). Calls other than `prepare`, `wait`
/// and `logs` have a deadline of their own, so a stuck engine cannot hold a caller for ever.
public protocol ContainerRuntime: Sendable {
    /// Name and version of the engine; also the way to ask whether it answers.
    func info() async throws -> RuntimeInfo

    /// Brings the image here, as `policy` says. Calls for one image share one pull.
    ///
    /// Fails with `.imageNotFound`, `.imagePull` or `.timeout` (no progress for a while, or too long in all).
    func prepare(image: String, policy: PullPolicy) async throws

    /// Creates the container of one attempt and returns its id. Nothing runs yet.
    ///
    /// Repeating it for the same attempt on the same node returns the container that is there already, so a call
    /// whose answer was lost can simply be made again.
    func create(_ spec: ContainerSpec) async throws -> String

    /// Starts a created container. One that was started before is left as it is.
    func start(_ id: String) async throws

    /// Returns once the container has ended, with what the engine recorded.
    ///
    /// To be called after `start`. Rides out an engine that is away for a while; throws `.notFound` when the container
    /// is gone.
    func wait(_ id: String) async throws -> ExitStatus

    /// SIGTERM, then SIGKILL after `graceSeconds`. Returns when the container is down or was down before.
    func stop(_ id: String, graceSeconds: Int) async throws

    /// SIGKILL. A container that is down or gone is no error.
    func kill(_ id: String) async throws

    /// Removes the container and its logs; with `force` also a running one. One that is gone is no error.
    func remove(_ id: String, force: Bool) async throws

    /// What the container wrote. A following stream ends when the container has ended.
    func logs(_ id: String, _ request: LogRequest) async throws -> LogStream

    /// Every container that this node ever created and that is still there, whatever its state.
    func list(nodeId: String) async throws -> [AdoptedContainer]

    /// Ends what the runtime holds open (connections); containers go on.
    func shutdown() async
}

/// One attempt at one task: what at most one container exists for.
public struct AttemptKey: Hashable, Sendable {
    public var taskId: String
    public var attempt: Int

    public init(taskId: String, attempt: Int) {
        self.taskId = taskId
        self.attempt = attempt
    }
}

/// When an image is fetched from its registry.
public enum PullPolicy: String, Sendable, CaseIterable {
    case always
    case missing
    case never
}

/// Everything an engine needs to create the container of one attempt.
public struct ContainerSpec: Sendable, Equatable {
    public struct Variable: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public struct Port: Sendable, Equatable {
        public enum Transport: String, Sendable, CaseIterable {
            case tcp
            case udp
        }

        public var container: Int
        /// Port on the host; nil lets the engine choose a free one.
        public var host: Int?
        public var transport: Transport

        public init(container: Int, host: Int? = nil, transport: Transport = .tcp) {
            self.container = container
            self.host = host
            self.transport = transport
        }
    }

    public var taskId: String
    public var attempt: Int
    public var nodeId: String
    public var image: String
    /// Replaces the image's entrypoint, as Kubernetes' `command` does; nil keeps it.
    public var command: [String]?
    /// Replaces the image's default arguments, as Kubernetes' `args` does; nil keeps them (unless `command` is given).
    public var args: [String]?
    public var env: [Variable]
    /// Absolute; nil keeps the image's.
    public var workingDir: String?
    public var ports: [Port]
    /// Thousandths of one core.
    public var cpuLimitMillis: Int?
    public var memoryLimitBytes: Int64?
    public var stopGraceSeconds: Int

    public init(
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

    public var key: AttemptKey { AttemptKey(taskId: taskId, attempt: attempt) }
}

/// How a container ended. Times are milliseconds since 1970, UTC.
public struct ExitStatus: Sendable, Equatable {
    /// The code of a process that SIGKILL ended.
    public static let killed = 137

    /// 128 + signal where a signal ended it.
    public var exitCode: Int
    /// The kernel ended it because it passed its memory limit.
    public var oomKilled: Bool
    public var startedAtMilliseconds: Int64?
    public var finishedAtMilliseconds: Int64?
    /// What the engine has to say beyond the code (command not found, for one).
    public var message: String?

    public init(
        exitCode: Int,
        oomKilled: Bool = false,
        startedAtMilliseconds: Int64? = nil,
        finishedAtMilliseconds: Int64? = nil,
        message: String? = nil
    ) {
        self.exitCode = exitCode
        self.oomKilled = oomKilled
        self.startedAtMilliseconds = startedAtMilliseconds
        self.finishedAtMilliseconds = finishedAtMilliseconds
        self.message = message
    }
}

/// A container found again by its labels.
public struct AdoptedContainer: Sendable, Equatable {
    public enum State: Sendable, Equatable {
        /// Never started: `start` it or remove it.
        case created
        case running
        case exited(ExitStatus)
    }

    public var id: String
    public var key: AttemptKey
    public var state: State

    public init(id: String, key: AttemptKey, state: State) {
        self.id = id
        self.key = key
        self.state = state
    }
}

/// What a runtime is.
public struct RuntimeInfo: Sendable, Equatable {
    /// `docker`, `podman` or `process`.
    public var engine: String
    public var version: String

    public init(engine: String, version: String) {
        self.engine = engine
        self.version = version
    }
}
