import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// The master program with its tasks in PostgreSQL.
@Suite(
    .serialized,
    .timeLimit(.minutes(10)),
    .enabled(if: ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] != nil, "TEST_DATABASE_URL is not set")
) struct PostgresMasterTests {
    /// kill -9 in the middle of submits, again and again: what was acknowledged is there afterwards.
    @Test func whatIsAcknowledgedOutlivesKills() async throws {
        try await onThread {
            let database = try TestDatabase()
            var acknowledged: Set<String> = []
            for _ in 1...5 {
                let master = try MasterProcess([], environment: database.environment)
                let connection = try master.connect()
                let count = 2_000
                for number in 1...count {
                    try connection.send(line: #"{"op":"submit","id":\#(number),"name":"a","image":"busybox"}"#)
                }
                for _ in 0..<count / 2 {
                    let line = try connection.readLine(seconds: 30) ?? []
                    if let taskId = try JSON(parsing: line)["ok"]?["taskId"]?.text { acknowledged.insert(taskId) }
                }
                master.process.signal(SIGKILL)
                _ = master.process.wait(deadline: .after(seconds: 10))
            }
            let master = try MasterProcess([], environment: database.environment)
            let peer = try Peer(master)
            #expect(acknowledged.count > 4_000)
            for taskId in acknowledged { #expect(try peer.task(taskId)["status"]?.text == "pending") }
            #expect(master.terminate() == .exited(0))
        }
    }

    /// A worker's tasks run on while the master is gone, and end in the next one under the same attempt.
    @Test func runningTasksAreTakenUpAgain() async throws {
        try await onThread {
            let database = try TestDatabase()
            let first = try MasterProcess(["--heartbeat", "0.5", "--lease", "20"], environment: database.environment)
            let scratch = try Scratch()
            let node = try WorkerNode(.process, first)
            let worker = try node.start()
            let peer = try Peer(first)
            let tasks = try (0..<3).map { try GatedTask(peer, .process, scratch, code: $0) }
            for task in tasks { try peer.awaitStatus(task.taskId, "running") }
            first.process.signal(SIGKILL)
            _ = first.process.wait(deadline: .after(seconds: 10))
            let second = try MasterProcess(
                ["--heartbeat", "0.5", "--lease", "20", "--listen", first.address],
                environment: database.environment
            )
            let again = try Peer(second)
            for task in tasks {
                #expect(try again.task(task.taskId)["status"]?.text == "running")
                try task.release(attempt: 1)
                let end = try again.awaitEnd(task.taskId)
                #expect(end["attempt"]?.int == 1)
                #expect(end["exitCode"]?.int == task.code)
                #expect(try task.starts(attempt: 1) == 1)
            }
            #expect(worker.terminate() == .exited(0))
            #expect(second.terminate() == .exited(0))
        }
    }

    @Test func aDatabaseThatIsNotThereEndsTheMasterWithItsOwnCode() async throws {
        try await onThread {
            let program = try ProgramProcess(
                ProductsDirectory.program("podling-master"),
                ["--listen", "127.0.0.1:0", "--http-listen", "off"],
                environment: ["STORE_TYPE": "postgres", "DATABASE_URL": "postgres://u:s3cret@127.0.0.1:1/x"]
            )
            #expect(program.wait(deadline: .after(seconds: 20)) == .exited(69))
            #expect(program.output.contains("Is PostgreSQL running there"))
            #expect(!program.output.contains("s3cret"))
        }
    }

    /// A replica that cannot be read is said at start, by the name of its variable, and the primary is read instead.
    @Test(arguments: ["postgres://u:s3cret@127.0.0.1:1/x", "postgres://u:s3cret@localhost:port/x"])
    func aReplicaThatIsAwayIsNoFault(url: String) async throws {
        try await onThread {
            let database = try TestDatabase()
            var environment = database.environment
            environment["DATABASE_READ_URL"] = url
            let master = try MasterProcess([], environment: environment)
            let isSaid = Deadline.after(seconds: 30).poll {
                master.process.output.contains("PostgreSQL: DATABASE_READ_URL cannot be read") ? true : nil
            }
            #expect(isSaid == true, "\(master.process.output)")
            let peer = try Peer(master)
            let taskId = try peer.submit(#""name":"a","image":"busybox""#)
            try peer.request("cancel", #""taskId":"\#(taskId)""#)
            let listed = try peer.request("list", #""history":true"#)["tasks"]?.elements ?? []
            #expect(listed.map { $0["taskId"]?.text } == [taskId])
            #expect(!master.process.output.contains("s3cret"))
            #expect(master.terminate() == .exited(0))
        }
    }
}
