import Logging
import NIOConcurrencyHelpers
import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

@testable import PodlingPostgres

/// A read has a deadline of its own, however many wait before it and whatever its server does.
@Suite(.enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10))) struct SilentReplicaTests {
    /// So many that one after the other, at a time-out each, they would take half an hour.
    private static let readCount = 400

    private static func read(_ pool: ReadPool) async -> Result<StorePage, StoreError> {
        await withCheckedContinuation { continuation in
            pool.read(.nodes(cursor: nil, limit: 1)) { continuation.resume(returning: $0) }
        }
    }

    private static func readMany(_ pool: ReadPool) async -> [Result<StorePage, StoreError>] {
        await withTaskGroup { group in
            for _ in 0..<readCount { group.addTask { await read(pool) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test func aReplicaThatSwallowsEverythingHoldsUpNoRead() async throws {
        let database = try Database()
        await (try PostgresStore.open(url: database.url, name: "test", logger: Logger(label: "test"))).close()
        let silent = try SilentServer()
        let primary = ReadPool(url: database.url, logger: Logger(label: "test"))
        let replica = ReadPool(
            url: silent.url,
            variable: "DATABASE_READ_URL",
            fallback: primary,
            logger: Logger(label: "test")
        )
        primary.start()
        replica.start()
        for result in await Self.readMany(replica) { #expect(throws: Never.self) { try result.get() } }
        await replica.close()
        await primary.close()
        withExtendedLifetime(silent) {}
    }

    @Test func whereThereIsNoOtherEachReadIsToldInTime() async throws {
        let silent = try SilentServer()
        let pool = ReadPool(url: silent.url, logger: Logger(label: "test"))
        pool.start()
        for result in await Self.readMany(pool) { #expect(throws: StoreError.self) { try result.get() } }
        await pool.close()
        withExtendedLifetime(silent) {}
    }
}
