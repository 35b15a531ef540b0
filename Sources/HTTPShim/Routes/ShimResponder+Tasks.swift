import HTTPTypes
import Hummingbird
import PodlingProtocol

extension ShimResponder {
    func submit(_ request: Request) async throws -> Response {
        let body = try await bodies.required(request)
        let reply = try await pool.request(Self.submitLine(body))
        return try reply.ok { task, envelope in
            let isDuplicate = envelope["duplicate"]?.bool() == true
            var headers = HTTPFields()
            if let taskId = task["taskId"]?.string() { headers[.location] = "/api/v1/tasks/" + taskId }
            return .json(task.raw + [UInt8(ascii: "\n")], status: isDuplicate ? .ok : .created, headers: headers)
        }
    }

    /// The request line: the body's members verbatim, after this side's own `op`.
    private static func submitLine(_ body: JSONBody) throws -> [UInt8] {
        try body.read { spec in
            for member in spec.members where member.keyEquals("op") || member.keyEquals("id") {
                throw HTTPProblem.badRequest("\"\(member.name)\" is no member of a task", field: member.name)
            }
            return jsonBytes { out in
                out.beginObject("op", word: "submit")
                for member in spec.members { out.member(member) }
                out.endObject()
            }
        }
    }

    func task(_ id: String) async throws -> Response {
        .json(try await getTask(id).okLine())
    }

    private func getTask(_ id: String) async throws -> DoorReply { try await ask(Self.getLine(id)) }

    private static func getLine(_ id: String) -> [UInt8] {
        jsonBytes { out in
            out.beginObject("op", word: "get")
            out.member("taskId", id)
            out.endObject()
        }
    }

    func cancel(_ id: String, body: JSONBody?) async throws -> Response {
        let line = try Self.line(op: "cancel", taskId: id, attempt: nil, members: ["error"], of: body)
        return .json(try await pool.request(line).okLine())
    }

    /// Forwards a worker's report of an attempt, on the connection of the node that the task is on.
    func report(_ id: String, body: JSONBody) async throws -> Response {
        let (saidNode, saidAttempt) = try body.read { value in
            (value["nodeId"]?.string(), try Self.attempt(value["attempt"]))
        }
        let (nodeId, attempt) = try await reportedTask(id, saidNode).ok { task, _ in
            (task["nodeId"]?.string(), task["attempt"]?.int())
        }
        guard let nodeId, let attempt else { throw HTTPProblem.conflict("the task is on no node") }
        if let saidNode, saidNode != nodeId {
            throw HTTPProblem(status: .conflict, code: "stale_attempt", message: "the task is on node \(nodeId) now")
        }
        let members: [StaticString] = [
            "status", "containerId", "exitCode", "reason", "error", "detail", "startedAt", "finishedAt",
        ]
        let line = try Self.line(op: "status", taskId: id, attempt: saidAttempt ?? attempt, members: members, of: body)
        guard let reply = try await nodes.request(line, nodeId: nodeId, by: caller, from: peer) else {
            throw HTTPProblem.conflict("node \(nodeId) is not registered over HTTP; its own worker reports its tasks")
        }
        try reply.check()
        return .json(try await reportedTask(id, nodeId).okLine())
    }

    /// The task, as its node may see it where callers authenticate.
    private func reportedTask(_ id: String, _ saidNode: String?) async throws -> DoorReply {
        guard caller != .nobody else { return try await getTask(id) }
        guard let nodeId = try await reportingNode(saidNode),
            let reply = try await nodes.request(Self.getLine(id), nodeId: nodeId, by: caller, from: peer)
        else { throw HTTPProblem.conflict("no node of this token is registered over HTTP; or say which by nodeId") }
        do {
            try reply.check()
        } catch let problem as HTTPProblem where problem.status == .forbidden {
            // The request was a report, so the error names its member and not a get's.
            let message = "attempt: task \(id) is another node's than \(nodeId), or there is none"
            throw HTTPProblem(status: .forbidden, code: "forbidden", message: message, field: "attempt")
        }
        return reply
    }

    private func reportingNode(_ saidNode: String?) async throws -> String? {
        if let saidNode { return saidNode }
        if let own = await nodes.nodeId(of: caller) { return own }
        do {
            _ = try await pools.pool(of: caller, from: peer)
        } catch let problem as HTTPProblem where problem.status == .forbidden {
            // A worker's token, but of no node that is registered here.
            return nil
        }
        throw HTTPProblem(status: .forbidden, code: "forbidden", message: "status: needs the role worker")
    }

    private static func attempt(_ value: JSONValue?) throws -> Int? {
        guard let value, !value.isNull else { return nil }
        guard let attempt = value.int(), attempt > 0 else {
            throw HTTPProblem.badRequest("attempt must be a whole number above 0", field: "attempt")
        }
        return attempt
    }

    /// Builds a request line about one task, with the named members of the body.
    private static func line(
        op: StaticString,
        taskId: String,
        attempt: Int?,
        members: [StaticString],
        of body: JSONBody?
    ) throws -> [UInt8] {
        let copied = try body?.read { value in
            jsonBytes { $0.members(members, of: value) }
        }
        return jsonBytes { out in
            out.beginObject("op", word: op)
            out.member("taskId", taskId)
            out.member("attempt", ifAny: attempt)
            out.raw(copied ?? [])
            out.endObject()
        }
    }
}

extension JSONWriter {
    /// Appends those members of `value` that are named and not null, each with a comma before it.
    mutating func members(_ names: [StaticString], of value: JSONValue) {
        for one in value.members where !one.value.isNull && names.contains(where: one.keyEquals) { member(one) }
    }
}
