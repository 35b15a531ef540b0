import Logging
import NIOConcurrencyHelpers
import PodlingCore
import PodlingStore
import TestSupport
import Testing

@testable import PodlingPostgres

/// Several masters on one database: one leads, and only that one writes.
@Suite(.enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10))) struct ElectionTests {
    private static let leaseMilliseconds = 1_500

    private static func open(_ database: Database, _ address: String) async throws -> PostgresStore {
        try await PostgresStore.open(
            url: database.url,
            name: address,
            address: address,
            leaseMilliseconds: leaseMilliseconds,
            logger: Logger(label: "test")
        )
    }

    private static func next(_ store: PostgresStore) async -> StoreLeadership? {
        for await news in store.leadership { return news }
        return nil
    }

    private static func wait(_ store: PostgresStore, for wanted: StoreLeadership) async {
        for await news in store.leadership where news == wanted { return }
    }

    private static func commit(_ store: PostgresStore) async -> Result<Void, StoreError> {
        var batch = StoreBatch()
        batch.tasks = [TaskRow(id: TaskID(number: 1 << 40), createdAt: 1_790_000_000_000)]
        batch.tasks[0].spec = Array(#""name":"a","image":"b""#.utf8)
        return await withCheckedContinuation { continuation in
            _ = store.commit(batch) { continuation.resume(returning: $0) }
        }
    }

    @Test func aLeaseIsKeptAsLongAsItIsRenewed() async throws {
        let database = try Database()
        let first = try await Self.open(database, "host-1:1")
        #expect(await Self.next(first) == .leading)
        let second = try await Self.open(database, "host-2:2")
        // The standby looks every quarter of a second: three leases.
        for _ in 0..<20 { #expect(await Self.next(second) == .standby(leader: "host-1:1")) }
        first.advertise("host-1:9")
        await Self.wait(second, for: .standby(leader: "host-1:9"))
        await second.close()
        await first.close()
    }

    @Test func aLeaseThatEndsIsTaken() async throws {
        let database = try Database()
        try await Self.setUp(database, holder: "boot pid:[1] 1 1 1", "1 second")
        let store = try await Self.open(database, "host-2:2")
        for await news in store.leadership {
            guard news != .leading else { break }
            #expect(news == .standby(leader: "gone:1") || news == .standby(leader: nil))
        }
        try await Self.commit(store).get()
        await store.close()
    }

    @Test func aHolderThatIsDeadOnThisMachineIsNotWaitedFor() async throws {
        let database = try Database()
        var parts = LeaderLeaseHolder.this().text.split(separator: " ").map(String.init)
        // The same process number, started at another time.
        parts[3] = "1"
        try await Self.setUp(database, holder: parts.joined(separator: " "), "1 hour")
        let store = try await Self.open(database, "host-2:2")
        #expect(await Self.next(store) == .leading)
        await store.close()
    }

    /// A take-over, which raises the epoch, waits for the leader's transaction; a renewal of the lease does not.
    @Test func aTransactionHoldsOffTheNextLeaderOnly() async throws {
        let database = try Database()
        let store = try await Self.open(database, "host-1:1")
        #expect(await Self.next(store) == .leading)
        let (writer, other) = (try database.connect(), try database.connect())
        try writer.executeScript("BEGIN")
        try writer.execute("SELECT 1 FROM podling_leader FOR KEY SHARE")
        try other.executeScript("SET lock_timeout = '200ms'")
        try other.executeScript("UPDATE podling_leader SET expires_at = now() + interval '1 hour'")
        #expect(throws: PGError.self) { try other.executeScript("UPDATE podling_leader SET epoch = epoch + 1") }
        try writer.executeScript("COMMIT")
        await store.close()
    }

    @Test func oneOfTwoThatStartAtOnceOnAnEmptyDatabaseLeads() async throws {
        let database = try Database()
        async let first = Self.open(database, "host-1:1")
        async let second = Self.open(database, "host-2:2")
        let stores = try await [first, second]
        var leaders = 0
        for store in stores where await Self.next(store) == .leading { leaders += 1 }
        #expect(leaders == 1)
        for store in stores { await store.close() }
    }

    private static func setUp(_ database: Database, holder: String, _ interval: String) async throws {
        await (try open(database, "gone:1")).close()
        try database.connect().execute(
            """
            UPDATE podling_leader SET epoch = epoch + 1, address = 'gone:1', holder = $1, expires_at = now() + $2::interval
            """,
            PGParameters(holder, interval)
        )
    }
}
