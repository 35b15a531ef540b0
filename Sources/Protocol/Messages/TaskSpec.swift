/// A task spec in full (proto-spec.md, section 5.1), for workers.
public struct TaskSpec: Sendable, Equatable {
    /// When the image is pulled.
    public enum PullPolicy: String, Sendable {
        /// Where the engine does not have it.
        case missing
        /// Before each attempt.
        case always
        /// Never: an attempt fails where the engine does not have it.
        case never
    }

    /// A port of the container that the engine publishes.
    public struct Port: Sendable, Equatable {
        /// The port in the container, 1 to 65,535.
        public var container: Int
        /// The port of the node; nil where the engine picks a free one.
        public var host: Int?
        /// `tcp` or `udp`.
        public var transport: String

        init(_ port: JSONValue) {
            container = port.optional("container")?.int() ?? 0
            host = port.optional("host")?.int()
            transport = port.optional("protocol")?.string() ?? "tcp"
        }
    }

    /// An environment variable.
    public struct Variable: Sendable, Equatable {
        /// `[A-Za-z_][A-Za-z0-9_]*`, and not one of the worker's own (`NameRules`).
        public var name: String
        /// The value, without NUL.
        public var value: String
    }

    /// 1 to 63 of `a-z 0-9 - _ .`.
    public var name: String
    /// An image reference (`NameRules.isImageReference`).
    public var image: String
    /// What replaces the image's entry point; nil leaves it, and an empty array clears it.
    public var command: [String]?
    /// What replaces the image's command; nil leaves it.
    public var args: [String]?
    /// In the order of the spec.
    public var env: [Variable] = []
    /// An absolute path; nil leaves the image's.
    public var workingDir: String?
    /// At most 64.
    public var ports: [Port] = []
    /// The most cpu that it may use, in thousandths of a core; nil is no limit.
    public var cpuLimitMillis: Int?
    /// The most memory that it may use, in bytes; nil is no limit.
    public var memoryLimitBytes: Int?
    /// Time limit of an attempt; 0 means none.
    public var timeoutSeconds: Int
    /// Time between SIGTERM and SIGKILL.
    public var stopGraceSeconds: Int
    /// When the image is pulled.
    public var pullPolicy = PullPolicy.missing

    /// Validates the whole spec and copies it out of a parsed line.
    ///
    /// - Throws: `bad_request` that names the first member at fault.
    public init(_ object: JSONValue) throws(WireError) {
        let summary = try TaskSummary(object, isEnvelope: false)
        name = object.optional("name")?.string() ?? ""
        image = object.optional("image")?.string() ?? ""
        command = object.optional("command")?.elements.map { $0.string() ?? "" }
        args = object.optional("args")?.elements.map { $0.string() ?? "" }
        env = object.optional("env")?.members.map { Variable(name: $0.name, value: $0.value.string() ?? "") } ?? []
        workingDir = object.optional("workingDir")?.string()
        ports = object.optional("ports")?.elements.map(Port.init) ?? []
        if let limits = object.optional("resources")?.optional("limits") {
            cpuLimitMillis = limits.optional("cpu").flatMap(Quantity.cpuMillis)
            memoryLimitBytes = limits.optional("memory").flatMap(Quantity.memoryBytes)
        }
        timeoutSeconds = summary.timeoutSeconds
        stopGraceSeconds = summary.stopGraceSeconds
        if let policy = object.optional("pullPolicy")?.string().flatMap(PullPolicy.init(rawValue:)) {
            pullPolicy = policy
        }
    }
}
