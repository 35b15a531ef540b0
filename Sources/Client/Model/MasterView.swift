import PodlingProtocol

/// The state of a master, as `ping` reports it (proto-spec section 6.13).
public struct MasterView: Sendable {
    /// The object's bytes, verbatim.
    public let json: [UInt8]
    /// The master's name and version, such as `podling-master/0.1.0`.
    public let server: String
    /// The id of the master's run.
    public let epoch: String
    /// Time since the master was started.
    public let uptimeSeconds: Int
    /// Count of nodes by status, in the order of the reply; empty on a standby.
    public let nodes: [(name: String, count: Int)]
    /// Count of tasks by status, in the order of the reply; ended ones only while the master keeps them.
    public let tasks: [(name: String, count: Int)]
    /// Whether another master leads: this one counts neither nodes nor tasks.
    public let isStandby: Bool
    /// HOST:PORT of the leader, where it is known.
    public let leader: String?
    /// How long its store has not answered; nil where it does, or where tasks are kept in memory.
    public let storeAwaySeconds: Int?
    /// Human-readable warnings for the store's administrator.
    public let storeWarnings: [String]

    init(json: [UInt8]) throws {
        self = try JSONReader.read(json) { try MasterView($0) }
    }

    private init(_ value: JSONValue) throws {
        json = [UInt8](value.raw)
        server = try value.required("server")
        epoch = value["epoch"]?.string() ?? ""
        uptimeSeconds = value["uptimeSeconds"]?.int() ?? 0
        nodes = Self.counts(value["nodes"])
        tasks = Self.counts(value["tasks"])
        isStandby = value["standby"]?.bool() ?? false
        leader = value["leader"]?.string()
        storeAwaySeconds = value["store"]?["awaySeconds"]?.int()
        let warnings = value["store"]?["warnings"]
        storeWarnings = warnings?.isArray == true ? warnings?.elements.compactMap { $0.string() } ?? [] : []
    }

    private static func counts(_ object: JSONValue?) -> [(name: String, count: Int)] {
        object?.members.compactMap { member in member.value.int().map { (member.name, $0) } } ?? []
    }
}

/// The greeting that a master sends when a connection opens (proto-spec section 3).
struct MasterHello: Sendable, Hashable {
    let versions: ClosedRange<Int>
    let authentication: String
    let server: String
    /// Whether another master leads (proto-spec section 3.1).
    let isStandby: Bool
    /// HOST:PORT of the leader, where it is known.
    let leader: String?

    init?(_ root: JSONValue) {
        let bounds = root["proto"]?.elements.compactMap { $0.int() } ?? []
        guard bounds.count == 2, bounds[0] <= bounds[1] else { return nil }
        versions = bounds[0]...bounds[1]
        authentication = root["auth"]?.string() ?? "none"
        server = root["server"]?.string() ?? ""
        isStandby = root["standby"]?.bool() ?? false
        leader = root["leader"]?.string()
    }
}
