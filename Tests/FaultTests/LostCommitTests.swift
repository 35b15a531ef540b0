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
