/// A task spec in full (proto-spec.md, section 5.1), for workers.
public struct TaskSpec: Sendable, Equatable {
    public enum PullPolicy: String, Sendable {
        case missing, always, never
    }

    public struct Port: Sendable, Equatable {
        public var container: Int
        /// nil: the engine picks a free port.
        public var host: Int?
        /// `tcp` or `udp`.
        public var transport: String

        init(_ port: JSONValue) {
            container = port.optional("container")?.int() ?? 0
            host = port.optional("host")?.int()
            transport = port.optional("protocol")?.string() ?? "tcp"
        }
    }

    public struct Variable: Sendable, Equatable {
        public var name: String
        public var value: String
    }

    public var name: String
    public var image: String
    public var command: [String]?
    public var args: [String]?
    /// In the order of the spec.
    public var env: [Variable] = []
    public var workingDir: String?
    public var ports: [Port] = []
    public var cpuLimitMillis: Int?
    public var memoryLimitBytes: Int?
    /// Time limit of an attempt; 0 means none.
    public var timeoutSeconds: Int
    public var stopGraceSeconds: Int
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
