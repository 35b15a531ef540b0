import Glibc
import Logging
import PodlingCore
import PodlingProtocol
import PodlingStore
import TestSupport
import Testing

@testable import PodlingPostgres

/// A connection whose other side stops answering, or answers less than it should.
@Suite(.enabled(if: PostgresCluster.isAvailable, "\(PostgresCluster.skipMessage)"), .timeLimit(.minutes(10)))
struct PGConnectionTests {
    private static let statementMilliseconds = 500
    private let cluster: PostgresCluster
    private let proxy: CuttingProxy

    init() throws {
        cluster = try PostgresCluster()
        proxy = try CuttingProxy(to: cluster.port)
    }

    private var proxied: String { cluster.url(port: proxy.port) }

    private static func batch(_ number: UInt64) -> StoreBatch {
        var batch = StoreBatch()
        batch.tasks = [TaskRow(id: TaskID(number: number), createdAt: 1_790_000_000_000)]
        batch.tasks[0].spec = Array(#""name":"a","image":"b""#.utf8)
        return batch
    }

    /// A writer that leads.
    private func writer(
        _ url: String,
        statementMilliseconds: Int = statementMilliseconds,
        isPrepared: Bool = true
    ) throws -> TaskWriter {
        try Migration(url: cluster.url).run(pause: {})
        let writer = TaskWriter(
            url: url,
            isPrepared: isPrepared,
            statementMilliseconds: statementMilliseconds,
            logger: Logger(label: "test")
        )
        writer.lead(epoch: 0)
        return writer
    }

    private func count() throws -> Int? { try cluster.sql("SELECT count(*) FROM tasks").first.flatMap { Int($0) } }

    private static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let began = ContinuousClock.now
        try body()
        return began.duration(to: .now) / .milliseconds(1)
    }

    @Test func anAnswerThatNeverComesIsWaitedForOnlySoLong() async throws {
        try await onThread {
            let connection = try PGConnection(proxied, statementMilliseconds: Self.statementMilliseconds)
            proxy.swallowAll(true)
            let waited = Self.milliseconds {
                #expect { try connection.execute("SELECT 1") } throws: { ($0 as? PGError)?.isConnectionLost == true }
            }
            #expect(waited >= 500 && waited < 60_000)
            // It is not used again: an answer might belong to the statement before.
            #expect(throws: PGError.self) { try connection.execute("SELECT 2") }
        }
    }

    @Test func aStatementHasItsTimeAndTheConnectionLives() async throws {
        try await onThread {
            let connection = try PGConnection(cluster.url, statementMilliseconds: Self.statementMilliseconds)
            #expect { try connection.execute("SELECT pg_sleep(20)") } throws: {
                ($0 as? PGError)?.sqlState == "57014"
            }
            #expect(try connection.execute("SELECT 1").int(0, 0) == 1)
        }
    }

    @Test func theSessionBeginsWithWhatTheURLSaysToo() async throws {
        try await onThread {
            let connection = try PGConnection(cluster.url + "&options=-c%20work_mem%3D7MB")
            #expect(connection.ownsSession)
            #expect(try connection.execute("SHOW work_mem").text(0, 0) == "7MB")
            #expect(try connection.execute("SHOW timezone").text(0, 0) == "UTC")
        }
    }

    /// Larger than any socket's buffer, both ways.
    @Test func largeStatementsAndAnswersPass() async throws {
        try await onThread {
            let connection = try PGConnection(proxied)
            let text = String(repeating: "x", count: 20_000_000)
            let result = try connection.execute("SELECT $1::text || $1::text", PGParameters(text))
            #expect(result.bytes(0, 0)?.count == 2 * text.utf8.count)
        }
    }

    @Test(
        arguments: [
            CuttingProxy.Fault.cutAfterCommit, .cutBetweenAnswerAndCommit, .cutBeforeCommit, .swallowFromCommit,
        ],
        [true, false]
    )
    func aCommitWithoutAnAnswerIsMadeCertain(fault: CuttingProxy.Fault, isPrepared: Bool) async throws {
        try await onThread {
            let writer = try writer(proxied, isPrepared: isPrepared)
            for number in 1...2 {
                proxy.strike(fault)
                let waited = Self.milliseconds {
                    #expect(throws: Never.self) { _ = try writer.write(Self.batch(UInt64(number))).get() }
                }
                #expect(proxy.strikes == number)
                #expect(try count() == number)
                #expect(waited < 60_000)
            }
        }
    }

    @Test func aConnectionThatIsSwallowedIsGivenUp() async throws {
        try await onThread {
            let writer = try writer(proxied)
            _ = try writer.write(Self.batch(1)).get()
            proxy.swallowThose()
            let waited = try Self.milliseconds { _ = try writer.write(Self.batch(2)).get() }
            #expect(waited >= 500 && waited < 60_000)
            #expect(try count() == 2)
        }
    }

    @Test func connectingHasADeadlineToo() async throws {
        try await onThread {
            proxy.swallowAll(true)
            let waited = Self.milliseconds {
                #expect(throws: PGError.self) { _ = try PGConnection(proxied + "&connect_timeout=2") }
            }
            #expect(waited < 60_000)
        }
    }

    /// A server process that was paused, and continues after its statement was abandoned and run by another.
    @Test func aStatementThatComesLateTurnsNothingBack() async throws {
        try await onThread {
            let writer = try writer(cluster.url)
            var batch = Self.batch(1)
            _ = try writer.write(batch).get()
            let found = try cluster.sql("SELECT pid FROM pg_stat_activity WHERE query LIKE '%podling_leader WHERE%'")
            let stopped = try #require(found.lazy.compactMap { pid_t($0) }.first { $0 > 1 })
            batch.tasks[0].spec = nil
            (batch.tasks[0].status, batch.tasks[0].attempt, batch.tasks[0].nodeID) = (.running, 1, "n")
            kill(stopped, SIGSTOP)
            _ = try writer.write(batch).get()
            batch.tasks[0].status = .completed
            _ = try writer.write(batch).get()
            kill(stopped, SIGCONT)
            let isGone = try Deadline.after(seconds: 20).poll { () throws -> Bool? in
                try cluster.sql("SELECT 1 FROM pg_stat_activity WHERE pid = \(stopped)").isEmpty ? true : nil
            }
            #expect(isGone == true)
            #expect(try cluster.sql("SELECT status FROM tasks") == ["completed"])
        }
    }

    /// A shutdown does not wait for an answer that does not come.
    @Test func closingGivesUpWaiting() async throws {
        try await onThread {
            let writer = try writer(proxied, statementMilliseconds: 60_000)
            _ = try writer.write(Self.batch(1)).get()
            proxy.swallowAll(true)
            writer.giveUp(inMilliseconds: 1_000)
            let waited = Self.milliseconds {
                #expect(throws: StoreError.self) { _ = try writer.write(Self.batch(2)).get() }
            }
            #expect(waited < 60_000)
        }
    }

    /// A cancelled wait for a standby is reported as a success with a warning; the warning counts.
    @Test func aCommitThatNoStandbyHasIsNotAcknowledged() async throws {
        try await onThread {
            let writer = try writer(cluster.url, statementMilliseconds: 60_000)
            _ = try writer.write(Self.batch(1)).get()
            try cluster.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            try cluster.sql("SELECT pg_reload_conf()")
            try awaitThatCommitsWait()
            let cluster = cluster
            let write = TestThread { _ = try writer.write(Self.batch(2)).get() }
            for call in ["pg_cancel_backend", "pg_terminate_backend", "pg_cancel_backend"] {
                let struck = try Deadline.after(seconds: 20).poll { () throws -> Bool? in
                    let found = try cluster.sql(
                        "SELECT \(call)(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                    )
                    return found == ["t"] ? true : nil
                }
                #expect(struck == true)
                #expect(!write.hasEnded)
            }
            // Nobody has confirmed it, and it is still asked for.
            let waits = try Deadline.after(seconds: 20).poll { () throws -> Bool? in
                try cluster.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'").count == 1
                    ? true : nil
            }
            #expect(waits == true && !write.hasEnded)
            try cluster.sql("ALTER SYSTEM RESET synchronous_standby_names")
            try cluster.sql("SELECT pg_reload_conf()")
            try write.join(seconds: 60)
            #expect(try count() == 2)
        }
    }

    /// The checkpointer notifies all backends, and only once it has the time.
    private func awaitThatCommitsWait() throws {
        let cluster = cluster
        let struck = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        var number = 0
        let waits = try Deadline.after(seconds: 60).poll { () throws -> Bool? in
            number += 1
            let table = "probe\(number)"
            let probe = TestThread { try cluster.sql("CREATE TABLE \(table) ()") }
            var isWaiting = false
            while !isWaiting, !probe.hasEnded { isWaiting = try cluster.sql(struck) == ["t"] }
            try probe.join(seconds: 60)
            return isWaiting ? true : nil
        }
        #expect(waits == true)
    }
}
