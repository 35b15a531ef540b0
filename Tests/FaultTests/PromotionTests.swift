import TestSupport
import Testing

extension Faults {
    /// The database itself fails over to its standby.
    struct PromotionTests {
        @Test func aStandbyThatIsPromotedHasAllThatWasAcknowledged() async throws {
            try await onThread {
                let primary = try PostgresCluster(settings: ["synchronous_standby_names": "*"])
                // Without a standby nothing is committed: it is made before anything is written.
                let standby = try PostgresCluster(standbyOf: primary)
                let url =
                    "postgres://podling@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/postgres"
                    + "?sslmode=disable&target_session_attrs=read-write"
                let masters = try (0..<2).map { _ in try ServedMaster(url: url) }
                let load = Load(Masters(masters.map(\.address)))
                try load.awaitProgress(200)
                // Commits that wait for the standby are cancelled on the server: that does not acknowledge them.
                for call in ["pg_cancel_backend", "pg_terminate_backend"] {
                    try primary.sql(
                        "SELECT \(call)(pid) FROM pg_stat_activity WHERE application_name = 'podling-master' "
                            + "AND state = 'active'"
                    )
                }
                try load.awaitProgress(100)
                try primary.stop(.immediate)
                try standby.sql("ALTER SYSTEM RESET synchronous_standby_names")
                try standby.promote()
                try load.awaitProgress(200)
                _ = try load.finish("a standby promoted") { try Faults.rows(standby) }
                for master in masters { master.end() }
            }
        }

        /// While the synchronous standby is away, what is committed on the primary alone is not acknowledged.
        @Test func whatNoStandbyHasIsNotAcknowledged() async throws {
            try await onThread {
                let primary = try PostgresCluster(settings: ["synchronous_standby_names": "*"])
                let standby = try PostgresCluster(standbyOf: primary)
                let url =
                    "postgres://podling@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/postgres"
                    + "?sslmode=disable&target_session_attrs=read-write"
                let master = try ServedMaster(url: url)
                let load = Load(Masters([master.address]))
                try load.awaitProgress(100)
                try standby.stop(.immediate)
                for call in ["pg_cancel_backend", "pg_terminate_backend", "pg_cancel_backend"] {
                    let waiting = "SELECT \(call)(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                    let struck = try Deadline.after(seconds: 30).poll {
                        try primary.sql(waiting).contains("t") ? true : nil
                    }
                    #expect(struck == true)
                }
                // The standby has nothing of what was committed meanwhile; it leads now.
                try primary.stop(.immediate)
                try standby.start()
                try standby.promote()
                try load.awaitProgress(200)
                let what = "a primary lost that had committed alone"
                _ = try load.finish(what) { try Faults.rows(standby) }
                master.end()
            }
        }
    }
}
