import HTTPTypes
import Hummingbird
import PodlingProtocol

extension ShimResponder {
    /// Registers a node, as a worker with `capacity` slots; one without an id is assigned one.
    func register(_ body: JSONBody) async throws -> Response {
        let (nodeId, line) = try body.read { value in (try Self.nodeId(value), try Self.registerLine(value)) }
        do {
            let reply = try await nodes.register(nodeId: nodeId, line: line, by: caller, from: peer)
            return try Self.leaseResponse(reply, nodeId: nodeId, status: .created)
        } catch var problem as HTTPProblem {
            // The member has another name in HTTP.
            if problem.field == "slots" { problem.field = "capacity" }
            throw problem
        }
    }

    func heartbeat(_ id: String, _ request: Request) async throws -> Response {
        try Identifier.checkNode(id)
        _ = try await workerBodies.optional(request)
        let line = Array(#"{"op":"heartbeat"}"#.utf8)
        guard let reply = try await nodes.request(line, nodeId: id, by: caller, from: peer) else {
            throw HTTPProblem.notFound("no node \(id) is registered over HTTP: register it first")
        }
        return try Self.leaseResponse(reply, nodeId: id, status: .ok)
    }

    private static func nodeId(_ value: JSONValue) throws -> String {
        guard let member = value["nodeId"], !member.isNull else { return "http-" + HTTPNodeTable.randomId() }
        guard let nodeId = member.string() else { throw HTTPProblem.badRequest("nodeId is a string", field: "nodeId") }
        try Identifier.checkNode(nodeId)
        return nodeId
    }

    /// Omits members that the master does not take: `port`, which is validated, and unknown ones.
    private static func registerLine(_ value: JSONValue) throws -> [UInt8] {
        guard let capacity = value["capacity"]?.int() else {
            throw HTTPProblem.badRequest("capacity, how many tasks at a time, is a whole number", field: "capacity")
        }
        if let port = value["port"], !port.isNull, !(0...65_535).contains(port.int() ?? -1) {
            throw HTTPProblem.badRequest("port is 0 to 65535", field: "port")
        }
        return jsonBytes { out in
            out.beginObject("op", word: "register")
            out.member("slots", capacity)
            out.members(["hostname", "cpu", "memory", "engine", "version", "labels", "attempts"], of: value)
            out.endObject()
        }
    }

    /// Responds with the lease, and with the attempts that the node has to stop.
    private static func leaseResponse(
        _ reply: DoorReply,
        nodeId: String,
        status: HTTPResponse.Status
    ) throws -> Response {
        let body = try reply.ok { ok, _ in
            guard let lease = ok["lease_ms"]?.int(), let heartbeat = ok["heartbeat_ms"]?.int() else {
                throw HTTPProblem.badReply
            }
            return jsonBytes { out in
                out.beginObject("nodeId", nodeId)
                out.member("heartbeatMs", heartbeat)
                out.member("leaseMs", lease)
                if ok["quiet"]?.bool() == true { out.member("draining", true) }
                if let kill = ok["kill"], kill.count > 0 {
                    out.key("kill")
                    out.raw(kill.raw)
                }
                out.endBody()
            }
        }
        return .json(body, status: status)
    }
}
