import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Two master programs on one database.
@Suite(
    .serialized,
    .timeLimit(.minutes(10)),
    .enabled(if: ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] != nil, "TEST_DATABASE_URL is not set")
) struct TwoMastersTests {
    private static let submit = #"{"op":"submit","id":1,"name":"a","image":"busybox"}"#

    /// Starts one after the other, so that the first leads.
    private static func start(_ database: TestDatabase) throws -> (first: MasterProcess, second: MasterProcess) {
        let first = try MasterProcess([], environment: database.environment)
        return (first, try MasterProcess([], environment: database.environment))
    }

    /// The reply to one line on a new connection.
    private static func ask(_ master: MasterProcess, _ line: String = submit) throws -> JSON {
        let connection = try master.connect()
        _ = try connection.readLine(seconds: 10)
        try connection.send(line: line)
        return try JSON(parsing: try connection.readLine(seconds: 10) ?? [])
    }

    /// Submits until it is accepted.
    /// - Returns: the seconds that this took.
    private static func secondsToLead(_ master: MasterProcess) throws -> Double {
        let began = ContinuousClock.now
        let taken = try Deadline.after(seconds: 30).poll { try ask(master)["ok"] }
        guard taken != nil else { throw TestSupportError("the standby never led") }
        return (ContinuousClock.now - began) / .seconds(1)
    }

    private static func greeting(_ master: MasterProcess) throws -> JSON {
        try JSON(parsing: try master.connect().readLine(seconds: 10) ?? [])
    }

    private static func awaitStandby(_ master: MasterProcess, leader: String) throws {
        let said = try Deadline.after(seconds: 20).poll { () throws -> JSON? in
            let greeting = try? greeting(master)
            return greeting?["leader"]?.text == leader ? greeting : nil
        }
        #expect(said?["standby"] == .bool(true))
    }

    @Test func aStandbyNamesTheLeader() async throws {
        try await onThread {
            let database = try TestDatabase()
            let (first, second) = try Self.start(database)
            try Self.awaitStandby(second, leader: first.address)
            let refusal = try Self.ask(second)["err"]
            #expect(refusal?["code"]?.text == "not_leader")
            #expect(refusal?["leader"]?.text == first.address)
            let taskIds = try (0..<3).map { try Peer(first).submit(#""name":"t-\#($0)","image":"busybox""#) }
            let reader = try Peer(second)
            let found = try reader.task(taskIds[1])
            #expect(found["name"]?.text == "t-1")
            let list = try reader.request("list")["tasks"]?.elements ?? []
            #expect(list.map { $0["taskId"]?.text } == taskIds)
            // Pipelined: answers come in the order of the requests, whoever gives them.
            let connection = try second.connect()
            _ = try connection.readLine(seconds: 10)
            let lines = [
                #"{"op":"get","id":1,"taskId":"\#(taskIds[0])"}"#, #"{"op":"ping","id":2}"#, #"{"op":"list","id":3}"#,
            ]
            try connection.send(line: lines.joined(separator: "\n"))
            for id in 1...3 {
                let reply = try JSON(parsing: try connection.readLine(seconds: 10) ?? [])
                #expect(reply["re"] == .number(Double(id)))
            }
            #expect(first.terminate() == .exited(0))
            #expect(second.terminate() == .exited(0))
        }
    }

    /// A master that cannot be reached must not keep others from leading, not for a moment.
    @Test func aMasterWhosePortIsTakenNeverLeads() async throws {
        try await onThread {
            let database = try TestDatabase()
            let other = try MasterProcess()
            let program = try ProgramProcess(
                ProductsDirectory.program("podling-master"),
                ["--listen", other.address, "--http-listen", "off"],
                environment: database.environment
            )
            #expect(program.wait(deadline: .after(seconds: 30)) == .exited(1))
            #expect(program.output.contains("cannot listen on \(other.address)"))
            #expect(try database.rows("SELECT count(*) FROM podling_leader WHERE holder IS NOT NULL") == ["0"])
            let master = try MasterProcess([], environment: database.environment)
            #expect(try database.rows("SELECT address FROM podling_leader") == [master.address])
            #expect(master.terminate() == .exited(0))
            #expect(other.terminate() == .exited(0))
        }
    }

    @Test func theStandbyLeadsAtOnceWhenTheLeaderGoesInOrder() async throws {
        try await onThread {
            let database = try TestDatabase()
            let (first, second) = try Self.start(database)
            let taskId = try Peer(first).submit(#""name":"a","image":"busybox""#)
            #expect(first.terminate() == .exited(0))
            let seconds = try Self.secondsToLead(second)
            print("takeover after SIGTERM: \(seconds) s")
            #expect(seconds < 25)
            #expect(try Peer(second).task(taskId)["status"]?.text == "pending")
            #expect(second.terminate() == .exited(0))
        }
    }

    @Test func theStandbyLeadsAfterAKill() async throws {
        try await onThread {
            let database = try TestDatabase()
            let (first, second) = try Self.start(database)
            let connection = try first.connect()
            var acknowledged: [String] = []
            for _ in 0..<3_000 { try connection.send(line: Self.submit) }
            for _ in 0..<1_000 {
                let line = try connection.readLine(seconds: 30) ?? []
                if let taskId = try JSON(parsing: line)["ok"]?["taskId"]?.text { acknowledged.append(taskId) }
            }
            first.process.signal(SIGKILL)
            let seconds = try Self.secondsToLead(second)
            print("takeover after SIGKILL: \(seconds) s")
            #expect(seconds < 25)
            let peer = try Peer(second)
            for taskId in acknowledged { #expect(try peer.task(taskId)["status"]?.text == "pending") }
            #expect(second.terminate() == .exited(0))
        }
    }

    /// The lease of a paused leader is waited for; once awake it can write nothing, and becomes a standby.
    @Test func aPausedLeaderThatWakesUpWritesNothing() async throws {
        try await onThread {
            let database = try TestDatabase()
            let (first, second) = try Self.start(database)
            let old = try first.connect()
            _ = try old.readLine(seconds: 10)
            try old.send(line: Self.submit)
            let known = try JSON(parsing: try old.readLine(seconds: 10) ?? [])["ok"]?["taskId"]?.text ?? ""
            try first.process.pause()
            // The kernel accepts them for the paused master, which reads them when it continues.
            for _ in 0..<100 { try old.send(line: Self.submit) }
            let seconds = try Self.secondsToLead(second)
            print("takeover after SIGSTOP: \(seconds) s")
            #expect(seconds < 25)
            let peer = try Peer(second)
            #expect(try peer.task(known)["status"]?.text == "pending")
            let before = try peer.request("list", #""limit":1000"#)["tasks"]?.elements.count
            first.process.signal(SIGCONT)
            // If it finds its lead lost before it reads them, it says so; none may be acknowledged.
            while let line = try? old.readLine(seconds: 10), !line.isEmpty {
                let answer = try JSON(parsing: line)
                #expect(answer["err"] == nil || answer["err"]?["code"]?.text == "not_leader")
                #expect(answer["ok"] == nil)
            }
            try Self.awaitStandby(first, leader: second.address)
            #expect(try peer.request("list", #""limit":1000"#)["tasks"]?.elements.count == before)
            #expect(second.terminate() == .exited(0))
            // And back again.
            #expect(try Self.secondsToLead(first) < 5)
            #expect(try Peer(first).request("list", #""limit":1000"#)["tasks"]?.elements.count == (before ?? 0) + 1)
            #expect(first.terminate() == .exited(0))
        }
    }

    /// Running tasks continue through a takeover, and waiting clients learn of their end from the new leader.
    @Test(arguments: [SIGKILL, SIGTERM, SIGSTOP]) func workersAndClientsFollowTheLead(signal: Int32) async throws {
        try await onThread {
            let database = try TestDatabase()
            let arguments = ["--heartbeat", "0.5", "--lease", "20"]
            let first = try MasterProcess(arguments, environment: database.environment)
            let second = try MasterProcess(arguments, environment: database.environment)
            let scratch = try Scratch()
            let node = try WorkerNode(.process, first, second)
            let worker = try node.start()
            let peer = try Peer(first)
            let task = try GatedTask(peer, .process, scratch, code: 3)
            try peer.awaitStatus(task.taskId, "running")
            let client = try ProgramProcess(
                ProductsDirectory.program("podling-client"),
                ["wait", task.taskId],
                environment: ["PODLING_MASTER": "\(first.address),\(second.address)"]
            )
            // It waits once the master has its line; a client that is later finds the new leader at once.
            first.process.signal(signal)
            let seconds = try Self.secondsToLead(second)
            let new = try Peer(second)
            try new.awaitNode(node.nodeId) { $0["status"]?.text == "online" }
            #expect(try new.task(task.taskId)["status"]?.text == "running")
            print("takeover after signal \(signal): \(seconds) s")
            try task.release(attempt: 1)
            let end = try new.awaitEnd(task.taskId)
            #expect(end["attempt"]?.int == 1 && end["exitCode"]?.int == 3)
            #expect(try task.starts(attempt: 1) == 1)
            #expect(client.wait(deadline: .after(seconds: 60)) == .exited(3))
            if signal == SIGSTOP { first.process.signal(SIGKILL) }
            #expect(worker.terminate() == .exited(0))
            #expect(second.terminate() == .exited(0))
        }
    }
}
