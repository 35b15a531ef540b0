import Glibc
import TestSupport
import Testing

extension Faults {
    struct KillTests {
        /// kill -9 every 1 to 3 s under submits and reports.
        @Test func aMasterThatIsKilledAgainAndAgainLosesNothing() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                let master = try ServedMaster(url: cluster.url)
                let load = Load(Masters([master.address]))
                let seconds = Load.seconds(default: 60)
                let end = Deadline.after(seconds: seconds)
                while !end.hasPassed {
                    Deadline.after(seconds: Double.random(in: 1...3)).elapse()
                    try master.kill()
                }
                let what = "kill -9 of the master, \(Int(seconds)) s, kills=\(master.kills)"
                let counts = try load.finish(what) { try Faults.rows(cluster) }
                #expect(counts.ambiguous > 0)
                #expect(master.kills >= Int(seconds) / 6)
                master.end()
            }
        }

        @Test func aDatabaseThatIsStoppedAgainAndAgainLosesNothing() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                let master = try ServedMaster(url: cluster.url)
                let load = Load(Masters([master.address]))
                for _ in 1...20 {
                    // A stop finds a master that writes again.
                    try load.awaitProgress(30)
                    try cluster.stop(.immediate)
                    Deadline.after(seconds: Double.random(in: 0...0.5)).elapse()
                    try cluster.start()
                }
                _ = try load.finish("PostgreSQL stopped immediate 20 times") { try Faults.rows(cluster) }
                #expect(master.kills == 0)
                master.end()
            }
        }
    }
}
