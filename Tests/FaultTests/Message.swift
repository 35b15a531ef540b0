import PodlingProtocol
import TestSupport

/// One try at a task.
struct Attempt: Hashable, Sendable {
    var task: String
    var number: Int
}

/// What the load wants to know of a line from a master.
struct Message: Sendable {
    var event: String?
    /// The number of the request that is answered.
    var reply: Int?
    var isOK = false
    var code: String?
    var leader: String?
    var isStandby = false
    var task: String?
    var attempt: Int?
    var status: String?
    var keep: [Attempt] = []
    var kill: [Attempt] = []
    var live: Int?

    init(_ line: [UInt8]) throws {
        var reader = JSONReader()
        try line.withUnsafeBytes { bytes in
            let root: JSONValue
            do {
                root = try reader.parse(bytes).root
            } catch {
                throw TestSupportError("not a line of the protocol: \(String(decoding: line, as: UTF8.self))")
            }
            take(root)
        }
    }

    private mutating func take(_ root: JSONValue) {
        event = root["ev"]?.string()
        reply = root["re"]?.int()
        isStandby = root["standby"]?.bool() == true
        leader = root["leader"]?.string()
        if let error = root["err"] {
            code = error["code"]?.string()
            leader = error["leader"]?.string()
        }
        let body = root["ok"] ?? root
        isOK = root["ok"] != nil
        task = body["taskId"]?.string()
        attempt = body["attempt"]?.int()
        status = body["status"]?.string()
        keep = Self.attempts(body["keep"])
        kill = Self.attempts(body["kill"])
        guard let counts = body["tasks"], counts.isObject else { return }
        live = ["pending", "scheduled", "running"].reduce(0) { sum, name in
            sum + (counts.members.first { $0.name == name }?.value.int() ?? 0)
        }
    }

    private static func attempts(_ value: JSONValue?) -> [Attempt] {
        guard let value, value.isArray else { return [] }
        return value.elements.map { Attempt(task: $0["taskId"]?.string() ?? "", number: $0["attempt"]?.int() ?? 0) }
    }
}

/// A task as `list` or a row of the table shows it.
struct Listed: Hashable, Sendable {
    var task: String
    var name: String
    var status: String
    var attempt: Int

    /// A page of `list`, and the cursor of the next.
    static func page(_ line: [UInt8]) throws -> (tasks: [Listed], cursor: String?) {
        var reader = JSONReader()
        return try line.withUnsafeBytes { bytes in
            guard let body = try? reader.parse(bytes).root["ok"], let tasks = body["tasks"], tasks.isArray else {
                throw TestSupportError("no page: \(String(decoding: line.prefix(500), as: UTF8.self))")
            }
            let found = tasks.elements.map { task in
                Listed(
                    task: task["taskId"]?.string() ?? "",
                    name: task["name"]?.string() ?? "",
                    status: task["status"]?.string() ?? "",
                    attempt: task["attempt"]?.int() ?? 0
                )
            }
            return (found, body["cursor"]?.string())
        }
    }
}
