import Glibc
import Logging
import NIOConcurrencyHelpers
import PodlingCore
import PodlingProtocol
import PodlingStore
import TestSupport
import Testing

@testable import PodlingPostgres

/// A database that has lost acknowledged rows, as when rows are deleted behind the writer's back.
@Suite(.enabled(if: PostgresCluster.isAvailable, "\(PostgresCluster.skipMessage)"), .timeLimit(.minutes(10)))
struct RefillTests {
    private static func row(_ number: UInt64, _ status: TaskStatus = .pending) -> TaskRow {
        var row = TaskRow(id: TaskID(number: 1 << 40 + number), createdAt: 1_790_000_000_000)
        row.spec = Array(#""name":"a","image":"b""#.utf8)
        row.status = status
        if status != .pending { (row.attempt, row.nodeID) = (1, "n") }
        return row
    }

    private static func event(_ number: Int) -> TaskEventRow {
        TaskEventRow(
            number: number,
            taskID: row(1).idText,
            attempt: 0,
            nodeID: nil,
            at: 1_790_000_000_000,
            from: nil,
            to: .pending,
            reason: .none,
            actor: "unknown"
        )
    }

    /// A writer that leads, and how often it asked for all that its master holds: pages of one task each.
    private final class Setting: Sendable {
        let cluster: PostgresCluster
        let writer: TaskWriter
        let held = NIOLockedValueBox<[TaskRow]>([])
        let events = NIOLockedValueBox<[TaskEventRow]>([])
        let asked = NIOLockedValueBox(0)

        init(_ url: String, _ cluster: PostgresCluster) throws {
            self.cluster = cluster
            try Migration(url: cluster.url).run(pause: {})
            writer = TaskWriter(url: url, isPrepared: true, logger: Logger(label: "test"))
            writer.lead(epoch: 0)
            let (held, events, asked) = (held, events, asked)
            writer.source.withLockedValue { source in
                source = { position, done in
                    let rows = held.withLockedValue { $0 }
                    if position == 0 { asked.withLockedValue { $0 += 1 } }
                    var page = HeldPage(batch: StoreBatch(), next: position + 1 < rows.count ? position + 1 : nil)
                    if position < rows.count { page.batch.tasks = [rows[position]] }
                    if page.next == nil {
                        page.batch.events = events.withLockedValue { $0 }
                        if !page.batch.events.isEmpty { page.batch.newRun = "run" }
                    }
                    done(page)
                }
            }
        }

        /// Writes a new task, and has its master hold it.
        func write(_ row: TaskRow, _ events: [TaskEventRow] = []) throws {
            var batch = StoreBatch(tasks: [row])
            batch.events = events
            _ = try writer.write(batch).get()
            held.withLockedValue { $0.append(row) }
        }

        func cut() throws {
            try cluster.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'podling-master'"
            )
        }

        var statuses: [String] { get throws { try cluster.sql("SELECT status FROM tasks ORDER BY task_id") } }
        var askedCount: Int { asked.withLockedValue { $0 } }
    }

    @Test func aConnectionThatIsMadeAgainIsNoLoss() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let setting = try Setting(cluster.url, cluster)
            for number in 1...3 {
                try setting.write(Self.row(UInt64(number)))
                try setting.cut()
            }
            // Where it was moved meanwhile, it is there.
            try cluster.sql(
                "WITH moved AS (DELETE FROM tasks RETURNING *) INSERT INTO task_history SELECT * FROM moved"
            )
            try setting.write(Self.row(4))
            #expect(setting.askedCount == 0 && setting.writer.health.health == StoreHealth())
        }
    }

    @Test func whatIsMissingIsWrittenAgainFirst() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let setting = try Setting(cluster.url, cluster)
            for number in 1...3 { try setting.write(Self.row(UInt64(number))) }
            // Its end is lost with it: the master holds it no more.
            try setting.write(Self.row(9, .running))
            setting.held.withLockedValue { _ = $0.popLast() }
            var later = Self.row(1, .completed)
            later.spec = nil
            _ = try setting.writer.write(StoreBatch(tasks: [later])).get()
            later.spec = Self.row(1).spec
            setting.held.withLockedValue { $0[0] = later }
            try cluster.sql("DELETE FROM tasks WHERE task_id = '\(Self.row(2).idText)'")
            try cluster.sql(
                "UPDATE tasks SET status = 'pending', attempt = 0 WHERE task_id = '\(Self.row(1).idText)'"
            )
            let untouched = try cluster.sql("SELECT xmin FROM tasks WHERE task_id = '\(Self.row(3).idText)'")
            try setting.cut()
            try setting.write(Self.row(4))
            #expect(setting.askedCount == 1)
            #expect(try setting.statuses == ["completed", "pending", "pending", "pending", "failed"])
            #expect(try cluster.sql("SELECT reason FROM tasks WHERE status = 'failed'") == ["node_lost"])
            #expect(
                try cluster.sql("SELECT xmin FROM tasks WHERE task_id = '\(Self.row(3).idText)'") == untouched
            )
            let health = setting.writer.health.health
            #expect(health.lossCount == 1)
            #expect(health.warnings.contains { $0.contains("2 tasks were missing or older") }, "\(health)")
            #expect(health.warnings.contains { $0.contains("1 that had ended are failed") }, "\(health)")
            // Once is enough.
            try setting.cut()
            try setting.write(Self.row(5))
            #expect(setting.askedCount == 1)
        }
    }

    /// Its connection to the pooler stays, while the server behind that is replaced.
    @Test(.enabled(if: PgBouncer.isAvailable, "\(PgBouncer.skipMessage)"))
    func anotherServerBehindAPoolerIsLookedAt() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let pooler = try PgBouncer(to: cluster, settings: ["ignore_startup_parameters = options"])
            let setting = try Setting(cluster.url(port: pooler.port), cluster)
            for number in 1...2 { try setting.write(Self.row(UInt64(number))) }
            try cluster.stop(.fast)
            try cluster.start()
            try setting.write(Self.row(3))
            #expect(setting.askedCount == 0)
            try cluster.sql("DELETE FROM tasks")
            try cluster.stop(.fast)
            try cluster.start()
            try setting.write(Self.row(4))
            #expect(setting.askedCount == 1)
            #expect(try setting.statuses.count == 4)
        }
    }

    /// The stored transitions are written again; where some before them are missing, no cursor continues.
    @Test(arguments: [1, 3]) func transitionsAreWrittenAgain(first: Int) async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let setting = try Setting(cluster.url, cluster)
            let events = (1...4).map { Self.event($0) }
            for number in 1...2 { try setting.write(Self.row(UInt64(number)), [events[number - 1]]) }
            try cluster.sql("INSERT INTO podling_runs (epoch, run) VALUES (0, 'run')")
            try cluster.sql("DELETE FROM task_events")
            try cluster.sql("DELETE FROM tasks")
            setting.events.withLockedValue { $0 = Array(events[(first - 1)...]) }
            try setting.cut()
            try setting.write(Self.row(3))
            #expect(try cluster.sql("SELECT seq FROM task_events ORDER BY seq") == (first...4).map { "\($0)" })
            #expect(try cluster.sql("SELECT run FROM podling_runs") == (first == 1 ? ["run"] : []))
        }
    }

    /// Two leads may have the same epoch after a failover that lost commits.
    @Test func anEpochOfAnotherHolderIsNotPassed() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let setting = try Setting(cluster.url, cluster)
            try cluster.sql("UPDATE podling_leader SET holder = 'another'")
            #expect { try setting.write(Self.row(1)) } throws: { ($0 as? StoreError)?.isLeadLost == true }
            setting.writer.lead(epoch: 0, holder: "another")
            try setting.write(Self.row(1))
        }
    }

    @Test func eachTransactionAsksToBeSafe() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            try cluster.sql("ALTER ROLE podling SET synchronous_commit = off")
            let setting = try Setting(cluster.url, cluster)
            try cluster.sql(
                """
                CREATE TABLE seen (setting TEXT);
                CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$;
                CREATE TRIGGER see AFTER INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION see()
                """
            )
            try setting.write(Self.row(1))
            try cluster.sql("ALTER ROLE podling SET synchronous_commit = remote_apply")
            try setting.cut()
            try setting.write(Self.row(2))
            #expect(try cluster.sql("SELECT setting FROM seen") == ["on", "remote_apply"])
        }
    }

    @Test func whatTheServerPromisesIsTold() {
        var settings = DurabilitySettings()
        #expect(settings.warnings(hadStandby: false).isEmpty)
        let health = DatabaseHealth(logger: Logger(label: "test"))
        settings.synchronousStandbys = "s1"
        health.take(settings)
        #expect(health.health.warnings.isEmpty)
        settings.synchronousStandbys = ""
        health.take(settings)
        #expect(health.health.warnings.first?.contains("synchronous_standby_names is empty") == true)
        settings.synchronousStandbys = "s2"
        (settings.synchronousCommit, settings.fsync) = ("local", "off")
        health.take(settings)
        let warnings = health.health.warnings
        #expect(warnings.count == 2 && warnings[0].hasPrefix("synchronous_commit is local"), "\(warnings)")
    }
}
