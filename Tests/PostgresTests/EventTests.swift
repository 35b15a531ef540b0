import Logging
import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

@testable import PodlingPostgres

/// Transitions of tasks in the database.
@Suite(.enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10))) struct EventTests {
    private static func event(_ number: Int, at: Int64) -> TaskEventRow {
        TaskEventRow(
            number: number,
            taskID: TaskID(number: UInt64(number)).text,
            attempt: number % 3,
            nodeID: number % 2 == 0 ? nil : "node \"\(number)\"",
            at: at,
            from: number % 2 == 0 ? nil : .running,
            to: number % 2 == 0 ? .pending : .failed,
            reason: number % 2 == 0 ? .none : .nodeLost,
            actor: "client [::1]:\(number)"
        )
    }

    private static func commit(
        _ store: PostgresStore,
        _ events: [TaskEventRow],
        nodes: [NodeRow] = [],
        run: String? = nil
    ) async throws {
        var batch = StoreBatch()
        (batch.events, batch.nodes, batch.newRun) = (events, nodes, run)
        let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
            _ = store.commit(batch) { continuation.resume(returning: $0) }
        }
        try result.get()
    }

    private actor Collected {
        var events: [TaskEventRow] = []
        var trail: EventTrail?
        func add(_ piece: StoreBatch) {
            events += piece.events
            trail = piece.trail ?? trail
        }
    }

    /// One run: what it loads, before what it does.
    private static func run(
        _ database: Database,
        eventsMax: Int? = 100,
        _ body: (PostgresStore) async throws -> Void = { _ in }
    ) async throws -> (events: [TaskEventRow], trail: EventTrail?) {
        let logger = Logger(label: "test")
        let store = try await PostgresStore.open(url: database.url, name: "test", eventsMax: eventsMax, logger: logger)
        await store.isLeading()
        let collected = Collected()
        try await store.load { await collected.add($0) }
        try await body(store)
        await store.close()
        return await (collected.events, collected.trail)
    }

    /// Milliseconds since 1970 by the database's clock.
    private static func now(_ database: Database) throws -> Int64 {
        let now = try database.connect().execute("SELECT (extract(epoch FROM now()) * 1000)::bigint")
        return Int64(now.int(0, 0) ?? 0)
    }

    @Test func aRunWithoutTheAuditEndsTheTrail() async throws {
        let database = try Database()
        _ = try await Self.run(database) { try await Self.commit($0, [], run: "e1") }
        #expect(try await Self.run(database).trail?.runs == ["e1"])
        let without = try await Self.run(database, eventsMax: nil) {
            try await Self.commit($0, [], nodes: [NodeRow(id: "n1")])
        }
        #expect(without.trail == nil)
        #expect(try await Self.run(database).trail?.runs == [])
    }

    @Test func eachMonthHasItsPartitionAndOddDatesTheDefault() async throws {
        let database = try Database()
        let at = try Self.now(database)
        let events = [Self.event(1, at: 86_400_000), Self.event(2, at: at), Self.event(3, at: at + 8_000_000_000_000)]
        _ = try await Self.run(database) { try await Self.commit($0, events) }
        let connection = try database.connect()
        let places = try connection.execute(
            """
            SELECT seq, tableoid::regclass::text = 'task_events_default',
                tableoid::regclass::text = 'task_events_' || to_char(timezone('UTC', now()), 'YYYY_MM')
            FROM task_events ORDER BY seq
            """
        )
        #expect((0..<3).map { places.flag($0, 1) } == [true, false, true])
        #expect(places.flag(1, 2))
        let partitions = try connection.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'task_events'::regclass"
        )
        #expect(partitions.int(0, 0) == 3)
        #expect(try await Self.run(database).events == events)
    }

    @Test func oldMonthsAreDroppedAndTheNumbersGoOn() async throws {
        let database = try Database()
        let at = try Self.now(database)
        _ = try await Self.run(database) { _ in }
        let connection = try database.connect()
        try connection.executeScript(
            "CREATE TABLE task_events_2024_02 PARTITION OF task_events FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')"
        )
        let february: Int64 = 1_708_000_000_000
        _ = try await Self.run(database) { store in
            try await Self.commit(store, [Self.event(3, at: february), Self.event(2, at: 1_000)], run: "e1")
        }
        #expect(try EventStatements.drop(olderThanDays: 36_500, connection).isEmpty)
        #expect(try EventStatements.drop(olderThanDays: 30, connection) == ["task_events_2024_02"])
        let after = try await Self.run(database) { store in
            try await Self.commit(store, [Self.event(4, at: at)], run: "e2")
        }
        #expect(after.events.map(\.number) == [2] && after.trail == EventTrail(runs: ["e1"], lastNumber: 3))
        #expect(try EventStatements.drop(olderThanDays: 30, connection).isEmpty)
        #expect(try await Self.run(database).events.map(\.number) == [2, 4])
    }

    /// A long-running reader of the table delays no write.
    @Test func aReaderOfTheTableHoldsUpNothing() async throws {
        let database = try Database()
        _ = try await Self.run(database)
        let reader = try database.connect()
        try reader.executeScript("BEGIN; SELECT count(*) FROM task_events")
        let at = try Self.now(database)
        let began = ContinuousClock.now
        _ = try await Self.run(database) { try await Self.commit($0, [Self.event(1, at: at)]) }
        #expect(ContinuousClock.now - began < .seconds(60))
        try reader.executeScript("COMMIT")
        let place = try reader.execute("SELECT tableoid::regclass::text FROM task_events")
        #expect(place.text(0, 0) == "task_events_default")
    }
}
