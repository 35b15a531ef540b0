import TestSupport

/// A client's connection to the master, spoken by hand. Not for two threads at once.
final class Peer {
    private static let waitSeconds = 60.0

    let connection: LineConnection
    let greeting: JSON
    private var events: [JSON] = []
    private var lastID = 0

    init(_ master: MasterProcess) throws {
        connection = try master.connect()
        greeting = try Self.line(connection, "the greeting")
        try request("hello", #""proto":1,"role":"client""#)
    }

    /// The `ok` of the reply; `members` is JSON without its brackets. An error is thrown.
    @discardableResult
    func request(_ op: String, _ members: String = "") throws -> JSON {
        lastID += 1
        try connection.send(line: #"{"op":"\#(op)","id":\#(lastID)\#(members.isEmpty ? "" : ",")\#(members)}"#)
        while true {
            let line = try Self.line(connection, op)
            guard line["re"] == .number(Double(lastID)) else {
                events.append(line)
                continue
            }
            guard let ok = line["ok"] else { throw TestSupportError("\(op) was refused: \(line)") }
            return ok
        }
    }

    /// The id of a new task.
    func submit(_ spec: String) throws -> String {
        guard let taskId = try request("submit", spec)["taskId"]?.text else { throw TestSupportError("no taskId") }
        return taskId
    }

    func task(_ taskId: String) throws -> JSON { try request("get", #""taskId":"\#(taskId)""#) }

    func node(_ nodeId: String) throws -> JSON? {
        try request("nodes")["nodes"]?.elements.first { $0["nodeId"]?.text == nodeId }
    }

    /// Asks for the task until it is as wanted.
    @discardableResult
    func awaitTask(_ taskId: String, _ isWanted: (JSON) -> Bool) throws -> JSON {
        var last = JSON.null
        let found = try Deadline.after(seconds: Self.waitSeconds).poll { () throws -> JSON? in
            last = try task(taskId)
            return isWanted(last) ? last : nil
        }
        guard let found else { throw TestSupportError("the task stayed \(last)") }
        return found
    }

    @discardableResult
    func awaitStatus(_ taskId: String, _ status: String) throws -> JSON {
        try awaitTask(taskId) { $0["status"]?.text == status }
    }

    /// Asks for the node until it is as wanted.
    @discardableResult
    func awaitNode(_ nodeId: String, _ isWanted: (JSON) -> Bool) throws -> JSON {
        var last: JSON?
        let found = try Deadline.after(seconds: Self.waitSeconds).poll { () throws -> JSON? in
            last = try node(nodeId)
            return last.flatMap { isWanted($0) ? $0 : nil }
        }
        guard let found else { throw TestSupportError("the node \(nodeId) stayed \(String(describing: last))") }
        return found
    }

    /// The ended task, by `wait`.
    func awaitEnd(_ taskId: String) throws -> JSON {
        let sub = try request("wait", #""taskId":"\#(taskId)""#)["sub"]
        let isEnd = { (line: JSON) in line["ev"]?.text == "done" && line["sub"] == sub }
        while true {
            if let index = events.firstIndex(where: isEnd) {
                guard let task = events.remove(at: index)["task"] else { throw TestSupportError("done without task") }
                return task
            }
            events.append(try Self.line(connection, "the end of \(taskId)"))
        }
    }

    static func line(_ connection: LineConnection, _ wanted: String) throws -> JSON {
        guard let line = try connection.readLine(seconds: waitSeconds) else {
            throw TestSupportError("the master closed the connection instead of \(wanted)")
        }
        return try JSON(parsing: line)
    }
}
