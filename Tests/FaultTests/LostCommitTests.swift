import Glibc
import TestSupport
import Testing

extension Faults {
    /// A database that comes back with less than it had acknowledged.
    struct LostCommitTests {
        private static func master(_ clusters: [PostgresCluster]) throws -> ServedMaster {
            let hosts = clusters.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
            return try ServedMaster(
                url: "postgres://podling@\(hosts)/postgres?sslmode=disable&target_session_attrs=read-write"
            )
        }

        private static func health(_ load: Load) throws -> String {
            String(decoding: try load.masters.ask(#"{"op":"ping","id":1}"#), as: UTF8.self)
        }

        /// An asynchronous standby that was held back is promoted: it never had what was acknowledged meanwhile.
        @Test(arguments: [1, 2]) func whatAHeldBackStandbyLacksIsWrittenAgain(masterCount: Int) async throws {
            try await onThread {
                let primary = try PostgresCluster()
                let standby = try PostgresCluster(standbyOf: primary)
                let masters = try (0..<masterCount).map { _ in try Self.master([primary, standby]) }
                let load = Load(Masters(masters.map(\.address)))
                try load.awaitProgress(200)
                try standby.stop(.fast)
                try load.awaitProgress(300)
                try primary.stop(.immediate)
                try standby.start()
                try standby.promote()
                try load.awaitProgress(200)
                let health = try Self.health(load)
                #expect(health.contains(#""losses":1"#), "\(health)")
                _ = try load.finish("a standby that was held back, \(masterCount) masters") {
                    try Faults.rows(standby)
                }
                let said = masters.contains { $0.master.process.output.contains("came back with less than") }
                #expect(said, "\(masters.map { $0.master.process.output.suffix(2_000) })")
                for master in masters { master.end(mayHaveLost: true) }
            }
        }

        /// The leader was paused while another master took the lead on a database with less: it cannot write again what
        /// is missing there, but it knows that, and does not forget it in silence.
        @Test func whatTheNextLeaderLacksIsNamed() async throws {
            try await onThread {
                let primary = try PostgresCluster()
                let standby = try PostgresCluster(standbyOf: primary)
                let paused = try Self.master([primary, standby])
                let leader = Masters([paused.address])
                let tasks = try (0..<3).map { _ in try Self.submit(leader) }
                let next = try Self.master([primary, standby])
                let isThere = try Deadline.after(seconds: 30).poll {
                    try standby.sql("SELECT count(*) FROM tasks") == ["3"] ? true : nil
                }
                #expect(isThere == true)
                try standby.stop(.fast)
                for _ in 0..<5 { _ = try Self.submit(leader) }
                _ = try leader.ask(#"{"op":"cancel","id":1,"taskId":"\#(tasks[0])"}"#)
                paused.signal(SIGSTOP)
                try primary.stop(.immediate)
                try standby.start()
                try standby.promote()
                _ = try Self.submit(Masters([next.address]))
                paused.signal(SIGCONT)
                let wanted = "what is missing there is lost; it lacks changes of 6 tasks"
                let said = Deadline.after(seconds: 60).poll {
                    paused.master.process.output.contains(wanted) ? true : nil
                }
                #expect(said == true, "\(paused.master.process.output.suffix(3_000))")
                #expect(paused.master.process.output.contains("and 5 of the tasks"))
                // It stands by now, and still says so.
                var health = ""
                let isKept = Deadline.after(seconds: 60).poll { () -> Bool? in
                    let connection = try? paused.master.connect()
                    _ = try? connection?.readLine(seconds: 5)
                    try? connection?.send(line: #"{"op":"ping","id":1}"#)
                    guard let line = try? connection?.readLine(seconds: 5) else { return nil }
                    health = String(decoding: line, as: UTF8.self)
                    return health.contains(#""standby":true"#) && health.contains(#""losses":1"#) ? true : nil
                }
                #expect(isKept == true && health.contains(wanted), "\(health)")
                paused.end(mayHaveLost: true)
                next.end()
            }
        }

        private static func submit(_ masters: Masters) throws -> String {
            let line = try masters.ask(#"{"op":"submit","id":1,"name":"a","image":"b"}"#)
            guard let task = try Message(line).task else { throw TestSupportError("\(line)") }
            return task
        }

        /// Commits that the server does not write at once are lost with it, where nobody asks for more.
        @Test func aServerThatDoesNotWriteAtOnceLosesNothing() async throws {
            try await onThread {
                let cluster = try PostgresCluster(
                    settings: ["synchronous_commit": "off", "wal_writer_delay": "10s", "wal_writer_flush_after": "1GB"]
                )
                let master = try Self.master([cluster])
                let load = Load(Masters([master.address]))
                for _ in 1...3 {
                    try load.awaitProgress(150)
                    try cluster.stop(.immediate)
                    try cluster.start()
                }
                try load.awaitProgress(100)
                let health = try Self.health(load)
                #expect(health.contains("synchronous_commit is off"), "\(health)")
                #expect(master.master.process.output.contains("synchronous_commit is off"))
                let ping = try ProgramProcess(
                    ProductsDirectory.program("podling-client"),
                    ["ping"],
                    environment: ["PODLING_MASTER": master.address]
                )
                #expect(ping.wait(deadline: .after(seconds: 30)) == .exited(0))
                #expect(ping.output.contains("store  synchronous_commit is off"), "\(ping.output)")
                _ = try load.finish("synchronous_commit = off") { try Faults.rows(cluster) }
                master.end()
            }
        }
    }
}
