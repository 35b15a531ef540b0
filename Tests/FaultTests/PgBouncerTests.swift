import TestSupport
import Testing

extension Faults {
    /// A pooler that lends sessions for one transaction.
    @Suite(.enabled(if: PgBouncer.isAvailable, "\(PgBouncer.skipMessage)")) struct PgBouncerTests {
        @Test func aMasterBehindItLosesNothing() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                let pooler = try PgBouncer(to: cluster, settings: ["ignore_startup_parameters = options"])
                let url = cluster.url(port: pooler.port)
                let masters = try (0..<2).map { _ in try ServedMaster(url: url) }
                let load = Load(Masters(masters.map(\.address)))
                for _ in 1...3 {
                    try load.awaitProgress(150)
                    for master in masters { try master.kill() }
                    try cluster.sql(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                            + "AND pid <> pg_backend_pid()"
                    )
                }
                _ = try load.finish("PgBouncer in transaction mode") { try Faults.rows(cluster) }
                // What one session sets is not left to the next.
                for name in ["statement_timeout", "lock_timeout"] {
                    let shown = try (0..<6).map { _ in try cluster.sql("SHOW \(name)", port: pooler.port) }
                    #expect(shown.allSatisfy { $0 == ["0"] }, "\(name): \(shown)")
                }
                for master in masters { master.end() }
            }
        }

        @Test func whatItMustBeToldIsSaid() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                let pooler = try PgBouncer(to: cluster, settings: [])
                let program = try ProgramProcess(
                    ProductsDirectory.program("podling-master"),
                    ["--listen", "127.0.0.1:0", "--http-listen", "off"],
                    environment: Faults.environment(cluster.url(port: pooler.port))
                )
                #expect(program.wait(deadline: .after(seconds: 30)) == .exited(78))
                #expect(program.output.contains("ignore_startup_parameters = options"), "\(program.output)")
            }
        }
    }
}
