import Glibc
import TestSupport
import Testing

extension Faults {
    /// Two masters on one database, and a load that follows the lead.
    struct TakeoverTests {
        private static let rounds = 6

        private static func epoch(_ cluster: PostgresCluster) throws -> Int {
            try cluster.sql("SELECT epoch FROM podling_leader").first.flatMap { Int($0) } ?? 0
        }

        private static func isLeading(_ master: ServedMaster) -> Bool {
            guard let connection = try? master.master.connect(), let line = try? connection.readLine(seconds: 1) else {
                return false
            }
            return (try? Message(line))?.isStandby == false
        }

        private static func leader(_ masters: [ServedMaster]) throws -> ServedMaster {
            let found = Deadline.after(seconds: 30).poll { masters.first { isLeading($0) } }
            guard let found else { throw TestSupportError("nobody leads") }
            return found
        }

        /// Returns once another epoch has begun.
        private static func awaitEpoch(after epoch: Int, _ cluster: PostgresCluster) throws {
            let next = try Deadline.after(seconds: 30).poll { try Self.epoch(cluster) > epoch ? true : nil }
            #expect(next == true, "nobody took over after epoch \(epoch)")
        }

        @Test func leadersThatAreKilledOrPausedLoseNothing() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                let masters = try (0..<2).map { _ in try ServedMaster(url: cluster.url) }
                let load = Load(Masters(masters.map(\.address)))
                let first = try Self.epoch(cluster)
                for round in 1...Self.rounds {
                    try load.awaitProgress(100)
                    let leader = try Self.leader(masters)
                    let epoch = try Self.epoch(cluster)
                    if round.isMultiple(of: 2) {
                        try leader.kill()
                        try Self.awaitEpoch(after: epoch, cluster)
                    } else {
                        leader.signal(SIGSTOP)
                        try Self.awaitEpoch(after: epoch, cluster)
                        // The other has work of its own before this one wakes up.
                        try load.awaitProgress(50)
                        leader.signal(SIGCONT)
                    }
                }
                try load.awaitProgress(100)
                let takeovers = try Self.epoch(cluster) - first
                let counts = try load.finish("two masters, takeovers=\(takeovers)") { try Faults.rows(cluster) }
                #expect(takeovers >= Self.rounds)
                #expect(counts.ambiguous > 0)
                for master in masters { master.end() }
            }
        }

        /// Loading many rows is cut off: the master that takes the lead retries.
        @Test func aDatabaseLostWhileTheLeadIsTakenEndsNoMaster() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                let masters = try (0..<2).map { _ in try ServedMaster(url: cluster.url) }
                let leader = try Self.leader(masters)
                guard let other = masters.first(where: { $0 !== leader }) else { return }
                try cluster.sql(
                    """
                    INSERT INTO tasks (task_id, name, image, spec, status, created_at)
                    SELECT 't06' || lpad(i::text, 10, '0'), 'a', 'b', '"name":"a","image":"b"', 'pending', now()
                    FROM generate_series(1, 300000) AS i
                    """
                )
                let epoch = try Self.epoch(cluster)
                leader.signal(SIGKILL)
                try Self.awaitEpoch(after: epoch, cluster)
                try cluster.stop(.immediate)
                try cluster.start()
                #expect(Deadline.after(seconds: 60).poll { Self.isLeading(other) ? true : nil } == true)
                #expect(other.master.process.output.contains("standing by once it is back"))
                other.end()
            }
        }
    }
}
