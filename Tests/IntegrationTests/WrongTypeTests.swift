import TestSupport
import Testing

/// Every member of `submit` and `status` with every type that it does not have: the error names the member.
@Suite(.timeLimit(.minutes(6))) struct WrongTypeTests {
    private static let values = [
        "string": #""?!""#, "number": "-7.5", "bool": "true", "array": "[[]]", "object": #"{"":1}"#,
    ]

    /// Spec members, and which of the values above are of their type (so that only their content is wrong).
    private static let specMembers = [
        "name", "image", "command", "args", "env", "workingDir", "ports", "resources", "labels", "nodeSelector",
        "priority", "timeoutSeconds", "maxAttempts", "onNodeLost", "stopGraceSeconds", "pullPolicy", "idempotencyKey",
        "unheardOf",
    ]
    private static let statusMembers = [
        "taskId", "attempt", "status", "containerId", "exitCode", "reason", "error", "detail", "startedAt",
        "finishedAt",
    ]
    /// Any string is good; an id may be another system's.
    private static let freeTexts: Set = ["taskId", "idempotencyKey", "error", "detail"]

    /// The members of the object with one replaced or added.
    private static func line(_ op: String, _ members: [String: String], _ member: String, _ value: String) -> String {
        let all = members.merging([member: value]) { _, new in new }
        return "{\"op\":\"\(op)\",\"id\":1," + all.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    private static func check(
        _ connection: LineConnection,
        _ op: String,
        _ base: [String: String],
        _ members: [String]
    ) throws {
        for member in members {
            for (type, value) in values where !(type == "string" && freeTexts.contains(member)) {
                try connection.send(line: line(op, base, member, value))
                let reply = try Peer.line(connection, "an error")
                #expect(reply["err"]?["code"]?.text == "bad_request", "\(op) \(member): \(value) gave \(reply)")
                let field = reply["err"]?["field"]?.text ?? ""
                let isNamed = field == member || field.hasPrefix(member + ".") || field.hasPrefix(member + "[")
                #expect(isNamed, "\(op) \(member): \(value) gave \(reply)")
                let words = reply["err"]?["msg"]?.text ?? ""
                #expect(words.contains(member), "\(op) \(member): \(value) gave \(reply)")
            }
        }
    }

    @Test func submit() async throws {
        try await onThread {
            let master = try MasterProcess()
            let peer = try Peer(master)
            let base = ["name": #""a""#, "image": #""busybox""#]
            try Self.check(peer.connection, "submit", base, Self.specMembers)
            #expect(try peer.request("list")["tasks"] == .array([]))
        }
    }

    @Test func status() async throws {
        try await onThread {
            let master = try MasterProcess()
            let peer = try Peer(master)
            let taskId = try peer.submit(#""name":"a","image":"busybox""#)
            let worker = try master.connect()
            try worker.send(line: #"{"op":"hello","id":1,"proto":1,"role":"worker","node":"n","instance":"i"}"#)
            try worker.send(line: #"{"op":"register","id":2,"slots":1}"#)
            for _ in 0..<3 { _ = try Peer.line(worker, "the registration") }
            #expect(try Peer.line(worker, "the task")["ev"]?.text == "assign")
            // Without an answer in time, the task would be placed again in the middle of this.
            try worker.send(line: "{\"op\":\"accept\",\"id\":3,\"taskId\":\"\(taskId)\",\"attempt\":1}")
            _ = try Peer.line(worker, "the answer to accept")
            let base = ["taskId": "\"\(taskId)\"", "attempt": "1", "status": #""running""#]
            try Self.check(worker, "status", base, Self.statusMembers)
            #expect(try peer.task(taskId)["status"]?.text == "scheduled")
        }
    }
}
