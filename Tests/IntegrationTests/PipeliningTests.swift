import Glibc
import TestSupport
import Testing

/// Many requests in one packet, from peers that read late, in part or not at all: the master survives, and replies come
/// in the order of the requests (proto-spec.md, section 3, rule 4).
@Suite(.serialized, .timeLimit(.minutes(10))) struct PipeliningTests {
    private static let waitSeconds = 60.0

    @Test(arguments: [false, true]) func whoFloodsAndLeavesEndsNothing(overTLS: Bool) async throws {
        try await onThread {
            let master = try Self.start(overTLS ? try TLSMaster.flags() : [])
            for _ in 1...10 {
                try Self.expectAlive(master)
                let peer = try FloodPeer(master, overTLS: overTLS)
                #expect(peer.flood(seconds: 0.2) > 0)
            }
            if overTLS {
                let answer = try TLSMaster.python(master)
                #expect(answer.contains(#""re":1,"ok""#), "\(answer)")
            } else {
                try Pipeline(master).expectOrder([Self.ping])
            }
            try Self.expectAlive(master)
            #expect(master.terminate() == .exited(0))
        }
    }

    @Test func unknownTasksAreToldInOrder() async throws {
        try await onThread {
            let master = try Self.start()
            try Pipeline(master).expectOrder(Self.mixed)
            #expect(master.terminate() == .exited(0))
        }
    }

    // MARK: PostgreSQL

    /// Requests that ask the store, interleaved with those that do not, on a new connection.
    @Test(.enabled(if: PostgresCluster.isAvailable, "\(PostgresCluster.skipMessage)"))
    func answersOfTheStoreComeInOrder() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let master = try Self.start(cluster)
            for _ in 1...10 { try Pipeline(master).expectOrder(Self.mixed) }
            try Self.expectAlive(master)
            #expect(master.terminate() == .exited(0))
        }
    }

    /// More than a turn's capacity is requested behind a reply from the store, and the socket takes all of it at once.
    @Test(.enabled(if: PostgresCluster.isAvailable, "\(PostgresCluster.skipMessage)"))
    func pagesBehindAnAnswerOfTheStore() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let master = try Self.start(cluster)
            let peer = try Peer(master)
            let label = String(repeating: "x", count: 200)
            let spec = #"{"name":"t","image":"busybox","labels":{"a":"\#(label)"}}"#
            let tasks = Array(repeating: spec, count: 1_000).joined(separator: ",")
            for _ in 1...2 { try peer.request("submit_many", "\"tasks\":[\(tasks)]") }
            let requests = [Self.unknown] + Array(repeating: #""op":"list","limit":1000"#, count: 8)
            for _ in 1...10 {
                try Pipeline(master).expectOrder(requests)
                try Self.expectAlive(master)
            }
            #expect(master.terminate() == .exited(0))
        }
    }

    /// Writes block on a lock such as CREATE INDEX takes; reads are answered meanwhile.
    @Test(.enabled(if: PostgresCluster.isAvailable, "\(PostgresCluster.skipMessage)"))
    func writesThatWaitForALock() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let master = try Self.start(cluster)
            let writer = try Pipeline(master)
            let reader = try Pipeline(master)
            let lock = try Self.holdLock(cluster)
            try writer.send([Self.submit])
            let isLate = Deadline.after(seconds: Self.waitSeconds).poll {
                master.process.output.contains("the store is late") ? true : nil
            }
            #expect(isLate == true, "\(master.process.output)")
            let requests = [Self.unknown, Self.submit, Self.unknown, Self.ping]
            try reader.send(requests)
            try reader.expectAnswers(0..<1)
            try Self.expectAlive(master)
            try Pipeline(master).expectOrder([Self.unknown, Self.ping])
            try cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lock'")
            #expect(lock.wait(deadline: .after(seconds: Self.waitSeconds)) != nil)
            try writer.expectAnswers(0..<1)
            try reader.expectAnswers(1..<requests.count)
            try Self.expectAlive(master)
            #expect(master.terminate() == .exited(0))
        }
    }

    private static func start(_ cluster: PostgresCluster) throws -> MasterProcess {
        try start(environment: ["STORE_TYPE": "postgres", "DATABASE_URL": cluster.url])
    }

    /// Without a backtrace, so that the end of the output says why it ended.
    private static func start(
        _ arguments: [String] = [],
        environment: [String: String] = [:]
    ) throws -> MasterProcess {
        try MasterProcess(
            arguments,
            environment: environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { _, new in new }
        )
    }

    /// Blocks writes of tasks until its session is ended; the lock is held on return.
    private static func holdLock(_ cluster: PostgresCluster) throws -> ProgramProcess {
        let sql = "BEGIN; LOCK TABLE tasks IN SHARE MODE; SELECT pg_sleep(\(Int(2 * waitSeconds)))"
        let lock = try Tool.start(
            "psql",
            ["-X", "-c", sql, cluster.url + "&application_name=lock"]
        )
        let isHeld = try Deadline.after(seconds: waitSeconds).poll {
            try cluster.sql(
                "SELECT 1 FROM pg_locks WHERE mode = 'ShareLock' AND granted AND relation = 'tasks'::regclass"
            )
            .isEmpty ? nil : true
        }
        guard isHeld == true else { throw TestSupportError("no lock: \(lock.output)") }
        return lock
    }

    // MARK: Lines

    private static let unknown = #""op":"get","taskId":"nope""#
    private static let submit = #""op":"submit","name":"a","image":"busybox""#
    private static let ping = #""op":"ping""#
    private static let mixed = (0..<120).map { $0 % 2 == 0 ? unknown : ping }

    private static func expectAlive(_ master: MasterProcess) throws {
        guard let ending = master.process.wait(deadline: .after(seconds: 0)) else { return }
        throw TestSupportError("the master ended, \(ending): \(master.process.output.suffix(500))")
    }

    /// A greeted connection on which many requests are sent in one packet.
    private struct Pipeline {
        private let master: MasterProcess
        private let connection: LineConnection

        init(_ master: MasterProcess) throws {
            self.master = master
            connection = try master.connect()
            _ = try Peer.line(connection, "the greeting")
        }

        /// The `id` of each request is its place.
        func send(_ requests: [String]) throws {
            try connection.send(requests.enumerated().flatMap { Array("{\"id\":\($0.offset),\($0.element)}\n".utf8) })
        }

        func expectOrder(_ requests: [String]) throws {
            try send(requests)
            try expectAnswers(requests.indices)
        }

        func expectAnswers(_ ids: Range<Int>) throws {
            for id in ids {
                guard let line = try connection.readLine(seconds: waitSeconds) else {
                    // A master that aborts closes its sockets before it has ended.
                    _ = master.process.wait(deadline: .after(seconds: 5))
                    try expectAlive(master)
                    throw TestSupportError("the connection ended instead of answer \(id)")
                }
                guard line.starts(with: "{\"re\":\(id),".utf8) else {
                    let start = String(decoding: line.prefix(120), as: UTF8.self)
                    throw TestSupportError("instead of answer \(id): \(start)")
                }
            }
        }
    }
}
