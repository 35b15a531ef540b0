import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// The nodes in the database, after a restart of the master that wrote them, and on a standby.
@Suite(
    .serialized,
    .timeLimit(.minutes(10)),
    .enabled(if: ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] != nil, "TEST_DATABASE_URL is not set")
) struct KeptNodesTests {
    /// A worker that has registered.
    private static func worker(_ master: MasterProcess, _ node: String) throws -> (LineConnection, ok: JSON?) {
        let connection = try master.connect()
        _ = try Peer.line(connection, "the greeting")
        try connection.send(line: #"{"op":"hello","proto":1,"role":"worker","node":"\#(node)","instance":"i1"}"#)
        _ = try Peer.line(connection, "hello")
        try connection.send(line: #"{"op":"register","slots":2,"cpu":1.5,"hostname":"h","labels":{"zone":"a"}}"#)
        return (connection, try Peer.line(connection, "register")["ok"])
    }

    /// The nodes as HTTP tells them.
    private static func overHTTP(_ master: MasterProcess, _ query: String = "") throws -> JSON {
        let address = try master.process.readyValue("http")
        let url = "http://\(address)/api/v1/nodes\(query)"
        let curl = try ProgramProcess("/usr/bin/curl", ["-s", "--fail-with-body", "-m", "20", url])
        #expect(curl.wait(deadline: .after(seconds: 30)) == .exited(0), "\(curl.output)")
        return try JSON(parsing: Array(curl.output.utf8))
    }

    private static func awaitLeader(_ master: MasterProcess) throws -> Peer {
        let peer = try Deadline.after(seconds: 30).poll { () throws -> Peer? in
            guard let peer = try? Peer(master), peer.greeting["standby"] == nil else { return nil }
            return peer
        }
        guard let peer else { throw TestSupportError("the master never led") }
        return peer
    }

    @Test func aDrainSurvivesKills() async throws {
        try await onThread {
            let database = try TestDatabase()
            let first = try MasterProcess([], environment: database.environment)
            let (connection, _) = try Self.worker(first, "n1")
            #expect(try Peer(first).request("drain", #""nodeId":"n1""#)["draining"] == .bool(true))
            first.process.signal(SIGKILL)
            _ = first.process.wait(deadline: .after(seconds: 10))
            _ = connection
            let second = try MasterProcess([], environment: database.environment)
            let peer = try Self.awaitLeader(second)
            let before = try #require(try peer.node("n1"))
            #expect(before["status"]?.text == "offline" && before["draining"] == .bool(true))
            #expect(before["labels"]?["zone"]?.text == "a" && before["hostname"]?.text == "h")
            let (again, ok) = try Self.worker(second, "n1")
            #expect(ok?["quiet"] == .bool(true))
            let taskId = try peer.submit(#""name":"a","image":"busybox""#)
            #expect(try peer.task(taskId)["status"]?.text == "pending")
            #expect(try peer.request("drain", #""nodeId":"n1","on":false"#)["draining"] == nil)
            try peer.awaitStatus(taskId, "scheduled")
            second.process.signal(SIGKILL)
            _ = second.process.wait(deadline: .after(seconds: 10))
            _ = again
            let third = try MasterProcess([], environment: database.environment)
            #expect(try Self.awaitLeader(third).node("n1")?["draining"] == nil)
            #expect(third.terminate() == .exited(0))
        }
    }

    @Test func aStandbyTellsTheNodesAndTakesADrainOver() async throws {
        try await onThread {
            let database = try TestDatabase()
            let first = try MasterProcess([], environment: database.environment, http: true)
            let second = try MasterProcess([], environment: database.environment, http: true)
            let workers = try ["n1", "n2", "n3"].map { try Self.worker(first, $0).0 }
            let leader = try Peer(first)
            try leader.request("drain", #""nodeId":"n2""#)
            let reader = try Peer(second)
            #expect(reader.greeting["standby"] == .bool(true))
            let stable = { (node: JSON) in
                ["nodeId", "status", "draining", "hostname", "slots", "cpu", "labels", "instance", "registeredAt"]
                    .map { node[$0] }
            }
            let told = try leader.request("nodes")["nodes"]?.elements.map(stable) ?? []
            #expect(told.count == 3)
            #expect(try reader.request("nodes")["nodes"]?.elements.map(stable) == told)
            let page = try reader.request("nodes", #""limit":2"#)
            #expect(page["nodes"]?.elements.compactMap { $0["nodeId"]?.text } == ["n1", "n2"])
            let next = try reader.request("nodes", #""limit":2,"cursor":"\#(page["cursor"]?.text ?? "")""#)
            #expect(next["nodes"]?.elements.compactMap { $0["nodeId"]?.text } == ["n3"] && next["cursor"] == nil)
            for master in [first, second] {
                let nodes = try Self.overHTTP(master)
                #expect((nodes["nodes"] ?? nodes).elements.map(stable) == told)
            }
            first.process.signal(SIGKILL)
            let peer = try Self.awaitLeader(second)
            #expect(try peer.node("n2")?["draining"] == .bool(true))
            #expect(try peer.request("nodes")["nodes"]?.elements.allSatisfy { $0["status"]?.text == "offline" } == true)
            let (_, ok) = try Self.worker(second, "n2")
            #expect(ok?["quiet"] == .bool(true))
            _ = workers
            #expect(second.terminate() == .exited(0))
        }
    }
}
