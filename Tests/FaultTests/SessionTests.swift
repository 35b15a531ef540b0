import TestSupport
import Testing

extension Faults {
    /// What others do in the same database.
    struct SessionTests {
        private static let readerSecondsDefault = 60.0
        private static let terminateSeconds = 10.0

        @Test func sessionsThatAreTerminatedAtRandomLoseNothing() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                let master = try ServedMaster(url: cluster.url)
                let load = Load(Masters([master.address]))
                let end = Deadline.after(seconds: Self.terminateSeconds)
                var terminated = 0
                while !end.hasPassed {
                    Deadline.after(seconds: 0.1).elapse()
                    terminated += try cluster.sql(
                        """
                        SELECT pg_terminate_backend(pid) FROM (
                            SELECT pid FROM pg_stat_activity
                            WHERE application_name = 'podling-master' ORDER BY random() LIMIT 1
                        ) AS one
                        """
                    ).count
                }
                let what = "pg_terminate_backend at random, times=\(terminated)"
                let counts = try load.finish(what) { try Faults.rows(cluster) }
                #expect(terminated > 10)
                // No answer was lost on the way to a client: the master held it.
                #expect(counts.ambiguous == 0 && counts.stallSeconds < 40)
                master.end()
            }
        }

        /// A snapshot that stays open keeps vacuum from the rows that change; they change all the same.
        @Test func aReaderThatIdlesInItsTransactionHoldsNobodyUp() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                let master = try ServedMaster(url: cluster.url)
                let load = Load(Masters([master.address]))
                try load.awaitProgress(50)
                let seconds = Load.seconds(default: Self.readerSecondsDefault)
                let reader = TestThread {
                    try cluster.sql(
                        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM tasks; SELECT pg_sleep(\(seconds)); COMMIT",
                        seconds: seconds + 30
                    )
                }
                let before = load.ledger.acknowledgedCount
                try reader.join(seconds: seconds + 30)
                let perSecond = Double(load.ledger.acknowledgedCount - before) / seconds
                let what =
                    "a reader idle in its transaction for \(Int(seconds)) s, submits_per_second=\(Int(perSecond))"
                let counts = try load.finish(what) { try Faults.rows(cluster) }
                #expect(perSecond > 2)
                #expect(counts.stallSeconds < 20)
                master.end()
            }
        }
    }
}
