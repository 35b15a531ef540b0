import PodlingProtocol

/// A node in the master's representation (proto-spec section 5.3). Times are milliseconds since 1970.
public struct NodeView: Sendable {
    /// The object's bytes, verbatim.
    public let json: [UInt8]
    /// The id that its worker chose: 1 to 63 of `A-Z a-z 0-9 - _ .`.
    public let nodeId: String
    /// The name of its machine.
    public let hostname: String?
    /// `online` or `offline`.
    public let status: String
    /// Whether no new tasks are placed on it.
    public let isDraining: Bool
    /// Why its engine cannot run tasks; nil where it can.
    public let engineError: String?
    /// The most attempts that it runs at once.
    public let slots: Int
    /// Count of the attempts that it has now.
    public let used: Int
    /// Count of cores.
    public let cpu: Double?
    /// Count of cores that its attempts have requested.
    public let cpuUsed: Double?
    /// Its memory, in bytes.
    public let memoryBytes: Int?
    /// Bytes of memory that its attempts have requested.
    public let memoryUsedBytes: Int?
    /// What a `nodeSelector` can name, in the order of the object.
    public let labels: [(name: String, value: String)]
    /// The engine that runs its tasks, with its version.
    public let engine: String?
    /// The version of its worker.
    public let version: String?
    /// When its worker was last heard.
    public let lastHeartbeat: Int64?

    /// Reads a node object, such as one in a reply to `PodlingClient.request(_:_:deadlineSeconds:)`.
    ///
    /// - Throws: `ClientError.badReply` where `nodeId` or `status` is missing, `JSONError`.
    public init(json: [UInt8]) throws {
        self = try JSONReader.read(json) { try NodeView($0) }
    }

    init(_ value: JSONValue) throws {
        json = [UInt8](value.raw)
        nodeId = try value.required("nodeId")
        status = try value.required("status")
        hostname = value["hostname"]?.string()
        isDraining = value["draining"]?.bool() ?? false
        engineError = value["engineError"]?.string()
        slots = value["slots"]?.int() ?? 0
        used = value["used"]?.int() ?? 0
        cpu = value["cpu"]?.double()
        cpuUsed = value["cpuUsed"]?.double()
        memoryBytes = value["memory"]?.int()
        memoryUsedBytes = value["memoryUsed"]?.int()
        labels = value["labels"]?.stringPairs ?? []
        engine = value["engine"]?.string()
        version = value["version"]?.string()
        lastHeartbeat = value["lastHeartbeat"]?.timestamp
    }
}

/// One page of nodes.
public struct NodePage: Sendable {
    /// In the order of their ids.
    public let nodes: [NodeView]
    /// The cursor of the next page; nil after the last.
    public let cursor: String?

    init(json: [UInt8]) throws {
        (nodes, cursor) = try JSONReader.read(json) { root in
            (try root["nodes"]?.elements.map { try NodeView($0) } ?? [], root["cursor"]?.string())
        }
    }
}
