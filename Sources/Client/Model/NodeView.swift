import PodlingProtocol

/// A node in the master's representation (proto-spec section 5.3). Times are milliseconds since 1970.
public struct NodeView: Sendable {
    /// The object's bytes, verbatim.
    public let json: [UInt8]
    public let nodeId: String
    public let hostname: String?
    /// `online` or `offline`.
    public let status: String
    public let isDraining: Bool
    /// Why its engine cannot run tasks; nil where it can.
    public let engineError: String?
    public let slots: Int
    public let used: Int
    /// Count of cores.
    public let cpu: Double?
    public let cpuUsed: Double?
    public let memoryBytes: Int?
    public let memoryUsedBytes: Int?
    public let labels: [(name: String, value: String)]
    public let engine: String?
    public let version: String?
    public let lastHeartbeat: Int64?

    /// - Throws: `ClientError.badReply`, `JSONError`.
    public init(json: [UInt8]) throws {
        self = try JSONBytes.read(json) { try NodeView($0) }
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
    public let nodes: [NodeView]
    /// The cursor of the next page; nil after the last.
    public let cursor: String?

    init(json: [UInt8]) throws {
        (nodes, cursor) = try JSONBytes.read(json) { root in
            (try root["nodes"]?.elements.map { try NodeView($0) } ?? [], root["cursor"]?.string())
        }
    }
}
