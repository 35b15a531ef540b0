import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// A master that holds few terminal tasks: the others are in the database, and every query finds them.
@Suite(
    .serialized,
    .timeLimit(.minutes(10)),
    .enabled(if: ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] != nil, "TEST_DATABASE_URL is not set")
) struct HistoryProgramTests {
    private static let count = 1_000
    private static let arguments = ["--retain-finished-count", "10"]

    /// A worker over the line protocol, which ends its assignments at once, until this many have ended.
    private static func work(_ master: MasterProcess) throws {
        let connection = try master.connect()
        try connection.send(line: #"{"op":"hello","proto":1,"role":"worker","node":"n1","instance":"i"}"#)
        try connection.send(line: #"{"op":"register","slots":50,"attempts":[]}"#)
        var ended = 0
        while ended < count {
            guard let bytes = try connection.readLine(seconds: 60) else { throw TestSupportError("no assignment came") }
            let line = try JSON(parsing: bytes)
            if line["re"]?.text?.hasPrefix("t") == true, line["ok"] != nil { ended += 1 }
            guard line["ev"]?.text == "assign", let taskId = line["taskId"]?.text else { continue }
            try connection.send(
                line:
                    #"{"op":"status","id":"\#(taskId)","taskId":"\#(taskId)","attempt":1,"status":"completed","exitCode":0}"#
            )
        }
    }

    private static func listed(_ peer: Peer, _ members: String) throws -> [String] {
        var taskIds: [String] = []
        var cursor = ""
        while true {
            let page = try peer.request("list", "\(members)\(cursor)")
            taskIds += page["tasks"]?.elements.compactMap { $0["taskId"]?.text } ?? []
            guard let next = page["cursor"]?.text else { return taskIds }
            cursor = #","cursor":"\#(next)""#
        }
    }

    private static func client(_ master: MasterProcess, _ arguments: [String]) throws -> String {
        let program = try ProgramProcess(
            ProductsDirectory.program("podling-client"),
            arguments,
            environment: ["PODLING_MASTER": master.address]
        )
        guard program.wait(deadline: .after(seconds: 60)) == .exited(0) else { throw TestSupportError(program.output) }
        return program.output
    }

    /// All submitted tasks, each once, whichever master is asked.
    private static func expectAll(_ taskIds: [String], of master: MasterProcess) throws {
        let peer = try Peer(master)
        #expect(try listed(peer, #""history":true,"limit":300"#) == taskIds)
        #expect(
            try listed(peer, #""history":true,"limit":300,"order":"desc","status":"completed""#) == taskIds.reversed()
        )
        let held = try listed(peer, #""limit":1000"#)
        #expect(held.count == 10)
        for taskId in taskIds { #expect(try peer.task(taskId)["status"]?.text == "completed") }
        let http = try master.process.readyValue("http")
        let all = try JSON(
            parsing: Tool.output("curl", ["-sS", "--max-time", "30", "http://\(http)/api/v1/tasks"]).utf8
        )
        #expect(all.elements.compactMap { $0["taskId"]?.text } == taskIds)
        let few = try Tool.output("curl", ["-sS", "--max-time", "30", "http://\(http)/api/v1/tasks?history=false"])
        #expect(try JSON(parsing: few.utf8).elements.compactMap { $0["taskId"]?.text } == held)
        let one = try Tool.output("curl", ["-sS", "--max-time", "30", "http://\(http)/api/v1/tasks/\(taskIds[0])"])
        #expect(try JSON(parsing: one.utf8)["exitCode"]?.int == 0)
        let lines = try client(master, ["ps", "--all", "--limit", "0", "--output", "ndjson"]).split(separator: "\n")
        #expect(try lines.map { try JSON(parsing: $0.utf8)["taskId"]?.text } == taskIds.reversed())
        #expect(try client(master, ["get", taskIds[1], "--output", "json"]).contains(#""completed""#))
        try expectEnded(taskIds[0], of: master)
    }

    /// Every operation on a terminal task finds it, wherever it is stored.
    private static func expectEnded(_ taskId: String, of master: MasterProcess) throws {
        for operation in ["wait", "cancel"] {
            #expect(try client(master, [operation, taskId, "--output", "json"]).contains(#""completed""#))
        }
        #expect(try client(master, ["watch", "--task", taskId]).contains("completed"))
        let logs = #expect(throws: TestSupportError.self) {
            try Peer(master).request("logs", #""taskId":"\#(taskId)""#)
        }
        #expect(logs.map { "\($0)".contains("output is away") } == true)
        let http = try master.process.readyValue("http")
        let cancelled = try Tool.output(
            "curl",
            ["-sS", "--max-time", "30", "-X", "DELETE", "http://\(http)/api/v1/tasks/\(taskId)"]
        )
        #expect(try JSON(parsing: cancelled.utf8)["status"]?.text == "completed")
    }

    @Test func whatTheMasterForgetsIsStillFound() async throws {
        try await onThread {
            let database = try TestDatabase()
            let first = try MasterProcess(Self.arguments, environment: database.environment, http: true)
            let specs = Array(repeating: #"{"name":"a","image":"busybox"}"#, count: Self.count).joined(separator: ",")
            let reply = try Peer(first).request("submit_many", #""tasks":[\#(specs)]"#)
            let taskIds = reply["taskIds"]?.elements.compactMap(\.text) ?? []
            #expect(taskIds.count == Self.count)
            try Self.work(first)
            // Both before and after all were moved.
            try Self.expectAll(taskIds, of: first)
            // Those that ended in the same millisecond as one that is held stay with it.
            let left = try Deadline.after(seconds: 60).poll { () throws -> Int? in
                let count = try database.rows("SELECT count(*) FROM tasks").first.flatMap { Int($0) }
                return count.flatMap { $0 <= 110 ? $0 : nil }
            }
            #expect(left.map { $0 >= 10 } == true)
            try Self.expectAll(taskIds, of: first)
            first.process.signal(SIGKILL)
            _ = first.process.wait(deadline: .after(seconds: 10))
            let second = try MasterProcess(Self.arguments, environment: database.environment, http: true)
            try Self.expectAll(taskIds, of: second)
            #expect(second.terminate() == .exited(0))
        }
    }

    @Test func tablesAreMadeByHand() async throws {
        try await onThread {
            let database = try TestDatabase()
            func run(
                _ arguments: [String],
                _ environment: [String: String]? = nil
            ) throws -> (code: Int32, said: String) {
                let program = try ProgramProcess(
                    ProductsDirectory.program("podling-master"),
                    arguments,
                    environment: environment ?? database.environment
                )
                guard case .exited(let code) = program.wait(deadline: .after(seconds: 60)) else {
                    throw TestSupportError(program.output)
                }
                return (code, program.output)
            }
            let refused = try run(["--no-migrate", "--listen", "127.0.0.1:0", "--http-listen", "off"])
            #expect(refused.code == 78 && refused.said.contains("podling-master migrate"))
            let dry = try run(["migrate", "--dry-run"])
            #expect(dry.code == 0 && dry.said.contains("CREATE TABLE task_history "))
            #expect(try database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").isEmpty)
            let done = try run(["migrate"])
            #expect(done.code == 0 && done.said.contains("step 1: ") && done.said.hasSuffix("done\n"))
            #expect(try run(["migrate"]).said.hasSuffix("nothing to do\n"))
            #expect(try run(["migrate"], ["STORE_TYPE": "memory"]).code == 64)
            let away = ["STORE_TYPE": "postgres", "DATABASE_URL": "postgres://u:s3cret@127.0.0.1:1/x"]
            let unreachable = try run(["migrate"], away)
            #expect(unreachable.code == 69 && !unreachable.said.contains("s3cret"))
            let master = try MasterProcess(["--no-migrate"], environment: database.environment)
            #expect(try Peer(master).submit(#""name":"a","image":"busybox""#).hasPrefix("t"))
            #expect(master.terminate() == .exited(0))
        }
    }
}
