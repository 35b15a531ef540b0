import FoundationEssentials
import Logging
import PodlingCore
import PodlingProtocol
import PodlingStore
import Synchronization
import Testing

@testable import PodlingPostgres

/// Terminal tasks that the master has evicted, on their way to `task_history` and out of it.
@Suite(.serialized, .enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10)))
struct HistoryTests {
    private static let now = Int64(Date().timeIntervalSince1970) * 1_000
    private static let day: Int64 = 86_400_000

    /// - Parameter heldDays: terminal tasks older than these are evicted from the start.
    private static func retention(
        held: Int = 100_000,
        heldDays: Int = 36_500,
        days: Int? = nil,
        rows: Int = 1_000
    ) -> Retention {
        var retention = Retention(heldMax: held, heldMilliseconds: heldDays * Int(day), historyDays: days)
        retention.pace = HistoryMover.Pace(
            rows: rows,
            restFactor: 1,
            restFactorWhereLittle: 1,
            restMillisecondsMin: 1,
            roundMilliseconds: 10,
            dropMilliseconds: 100,
            retryMilliseconds: 20
        )
        return retention
    }

    private static func open(_ database: Database, _ retention: Retention) async throws -> PostgresStore {
        let store = try await PostgresStore.open(
            url: database.url,
            name: "test",
            retention: retention,
            logger: Logger(label: "test")
        )
        await store.isLeading()
        return store
    }

    /// A task that was made so long ago, and ended a second later; or lives still.
    private static func row(_ number: UInt64, age: Int64, _ status: TaskStatus = .completed) -> TaskRow {
        var row = TaskRow(id: TaskID(number: 1 << 40 + number), createdAt: now - age)
        row.status = status
        row.spec = Array(#""name":"a","image":"busybox","env":{"N":"\#(number)"}"#.utf8)
        guard status != .pending else { return row }
        (row.attempt, row.nodeID, row.scheduledAt) = (1, "n1", row.createdAt + 1)
        if status.isTerminal { row.finishedAt = row.createdAt + 1_000 }
        return row
    }

    private static func commit(
        _ store: PostgresStore,
        _ rows: [TaskRow] = [],
        forgottenUpTo: Int64 = 0
    ) async throws {
        var batch = StoreBatch()
        batch.tasks = rows
        batch.forgottenUpTo = forgottenUpTo
        let result = await withCheckedContinuation { done in
            _ = store.commit(batch) { done.resume(returning: $0) }
        }
        try result.get()
    }

    private static func list(
        _ store: PostgresStore,
        limit: Int = 1_000,
        descending: Bool = false
    ) async throws
        -> [TaskRow]
    {
        var rows: [TaskRow] = []
        var query = TaskQuery(filter: TaskFilter(), limit: limit, isDescending: descending)
        while true {
            let result = await withCheckedContinuation { done in
                store.read(.tasks(query)) { done.resume(returning: $0) }
            }
            let page = try result.get()
            rows += page.tasks
            guard let last = page.last else { return rows }
            query.cursor = last.idText
        }
    }

    private static func found(_ store: PostgresStore, _ row: TaskRow) async throws -> [TaskRow] {
        let result = await withCheckedContinuation { done in
            store.read(.task(id: row.idText)) { done.resume(returning: $0) }
        }
        return try result.get().tasks
    }

    /// Polls until the query returns this, or fails at the deadline.
    private static func reach(_ database: Database, _ sql: String, _ wanted: Int) async throws {
        let connection = try database.connect()
        var last: Int?
        for _ in 0..<12_000 {
            last = try connection.execute(sql).int(0, 0)
            if last == wanted { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("\(sql) stayed \(String(describing: last)), not \(wanted)")
    }

    private static let left = "SELECT count(*) FROM tasks"

    private static func load(_ store: PostgresStore) async throws -> [TaskRow] {
        let collected = Collected()
        try await store.load { await collected.add($0.tasks) }
        return await collected.rows
    }

    private final class Flag: Sendable {
        let isSet = Mutex(false)
    }

    private actor Collected {
        var rows: [TaskRow] = []
        func add(_ more: [TaskRow]) { rows += more }
    }

    // MARK: Moving

    @Test func whatIsForgottenMovesToItsMonth() async throws {
        let database = try Database()
        let store = try await Self.open(database, Self.retention())
        _ = try await Self.load(store)
        var rows = (0..<100).map { Self.row($0, age: Int64(100 - $0) * Self.day) }
        // Of no month that has a partition.
        rows[0] = Self.row(0, age: Self.now - 86_400_000)
        rows.append(Self.row(200, age: 99 * Self.day, .pending))
        rows.append(Self.row(201, age: 99 * Self.day, .running))
        try await Self.commit(store, rows)
        // The last ten are held still.
        try await Self.commit(store, forgottenUpTo: rows[89].finishedAt)
        try await Self.reach(database, Self.left, 12)
        try await Self.reach(database, "SELECT count(*) FROM task_history_default", 1)
        try await Self.reach(
            database,
            "SELECT count(*) FROM task_history WHERE tableoid::regclass::text IN "
                + "('task_history_default', 'task_history_' || to_char(created_at, 'YYYY_MM'))",
            90
        )
        #expect(try await Self.list(store, limit: 7) == rows)
        #expect(try await Self.list(store, limit: 1_000, descending: true) == rows.reversed())
        for row in rows { #expect(try await Self.found(store, row) == [row]) }
        // The rest, once it is forgotten as well.
        try await Self.commit(store, forgottenUpTo: Self.now)
        try await Self.reach(database, Self.left, 2)
        #expect(try await Self.list(store) == rows)
        await store.close()
    }

    @Test func rowsOfAnotherProgramStay() async throws {
        let database = try Database()
        let store = try await Self.open(database, Self.retention())
        try database.connect().executeScript(
            "INSERT INTO tasks (task_id, name, image, status, created_at, finished_at) "
                + "VALUES ('4711-old', 'n', 'i', 'completed', '2020-01-01', '2020-01-01')"
        )
        _ = try await Self.load(store)
        try await Self.commit(store, [Self.row(1, age: Self.day)], forgottenUpTo: Self.now)
        try await Self.reach(database, "SELECT count(*) FROM task_history", 1)
        try await Self.reach(database, Self.left, 1)
        #expect(try await Self.list(store).map(\.idText) == ["4711-old", Self.row(1, age: 0).idText])
        await store.close()
    }

    /// A client that lists meanwhile sees each task once, at every moment.
    @Test func listGivesEachOnceWhileRowsMove() async throws {
        let database = try Database()
        let store = try await Self.open(database, Self.retention(rows: 50))
        _ = try await Self.load(store)
        let rows = (0..<6_000).map { Self.row($0, age: Int64(6_000 - $0) * 1_000_000) }
        try await Self.commit(store, rows)
        let ids = rows.map(\.id)
        let hasEnded = Flag()
        let moves = Task {
            defer { hasEnded.isSet.withLock { $0 = true } }
            for number in stride(from: 99, to: 6_000, by: 100) {
                try await Self.commit(store, forgottenUpTo: rows[number].finishedAt)
                try await Self.reach(database, "SELECT count(*) FROM task_history", number + 1)
            }
        }
        var lists = 0
        while !hasEnded.isSet.withLock({ $0 }) {
            let isReversed = lists % 2 == 1
            let listed = try await Self.list(store, limit: 97, descending: isReversed).map(\.id)
            #expect(listed == (isReversed ? ids.reversed() : ids))
            lists += 1
        }
        try await moves.value
        #expect(lists > 3)
        await store.close()
    }

    /// As when the clock was set back: the copy in `tasks` is shown once, and moved again.
    @Test func aRowThatIsInBothTablesIsOne() async throws {
        let database = try Database()
        let store = try await Self.open(database, Self.retention())
        let rows = (0..<5).map { Self.row($0, age: Self.day + Int64($0)) }
        try await Self.commit(store, rows)
        try database.connect().executeScript("INSERT INTO task_history SELECT * FROM tasks")
        for limit in 1...6 { #expect(try await Self.list(store, limit: limit) == rows) }
        #expect(try await Self.found(store, rows[3]) == [rows[3]])
        _ = try await Self.load(store)
        try await Self.commit(store, forgottenUpTo: Self.now)
        try await Self.reach(database, Self.left, 0)
        #expect(try await Self.list(store) == rows)
        await store.close()
    }

    @Test func aMoverThatLostTheLeadMovesNothing() async throws {
        let database = try Database()
        let store = try await Self.open(database, Self.retention())
        _ = try await Self.load(store)
        try await Self.commit(store, [Self.row(1, age: Self.day)])
        let connection = try database.connect()
        try connection.executeScript("UPDATE podling_leader SET epoch = epoch + 1, holder = NULL")
        var walk = HistoryWalk(
            connection: connection,
            epoch: 1,
            retention: Self.retention(),
            logger: Logger(label: "test")
        )
        #expect { () throws in _ = try walk.step(forgottenUpTo: Self.now) } throws: {
            ($0 as? PGError)?.isLeadLost == true
        }
        #expect(try connection.execute(Self.left).int(0, 0) == 1)
        await store.close()
    }

    // MARK: Partitions

    @Test func aMonthIsMadeOfWhatTheDefaultPartitionHasOfIt() async throws {
        let database = try Database()
        let store = try await Self.open(database, Self.retention())
        let rows = [Self.row(1, age: 40 * Self.day), Self.row(2, age: Self.now - 1)]
        try await Self.commit(store, rows)
        let connection = try database.connect()
        try connection.executeScript("INSERT INTO task_history SELECT * FROM tasks; DELETE FROM tasks")
        let text = try connection.execute(
            "SELECT to_char(min(created_at), 'YYYY_MM') FROM task_history WHERE created_at > '2000-01-01'"
        ).text(0, 0)
        let month = try #require(text.flatMap { Month($0) })
        let partitions = MonthlyPartitions(of: .history, connection)
        try partitions.make(month)
        #expect(try partitions.months() == [month])
        #expect(try connection.execute("SELECT count(*) FROM \(partitions.name(month))").int(0, 0) == 1)
        #expect(try connection.execute("SELECT count(*) FROM task_history_default").int(0, 0) == 1)
        #expect(try await Self.list(store) == rows)
        await store.close()
    }

    @Test func severalMayMakeAMonthAtOnce() async throws {
        let database = try Database()
        await (try Self.open(database, Self.retention())).close()
        let months = ["2026_01", "2026_02", "2026_12"].compactMap { Month($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...4 {
                group.addTask {
                    let connection = try database.connect()
                    for month in months { try MonthlyPartitions(of: .history, connection).make(month) }
                }
            }
            try await group.waitForAll()
        }
        #expect(try MonthlyPartitions(of: .history, database.connect()).months() == Set(months))
    }

    @Test func oldMonthsAreDropped() async throws {
        let database = try Database()
        let store = try await Self.open(database, Self.retention())
        _ = try await Self.load(store)
        // The second was made as long ago, and ended lately: its month stays.
        var late = Self.row(2, age: 400 * Self.day)
        late.finishedAt = Self.now - Self.day
        let rows = [
            Self.row(1, age: 300 * Self.day), late, Self.row(3, age: 100 * Self.day), Self.row(4, age: Self.day),
        ]
        try await Self.commit(store, rows, forgottenUpTo: Self.now)
        try await Self.reach(database, Self.left, 0)
        #expect(try await Self.list(store) == rows)
        await store.close()
        // A reader blocks the first attempts.
        let reader = try database.connect()
        try reader.executeScript("BEGIN; SELECT count(*) FROM task_history")
        let next = try await Self.open(database, Self.retention(days: 180))
        _ = try await Self.load(next)
        try await Self.commit(next, [Self.row(5, age: 0)], forgottenUpTo: 0)
        try reader.executeScript("COMMIT")
        try await Self.reach(database, "SELECT count(*) FROM task_history", 3)
        #expect(try await Self.list(next) == Array(rows[1...]) + [Self.row(5, age: 0)])
        await next.close()
    }

    /// However slow the database is in comparison with the clock: here the next check is always due.
    @Test func aLookForOldMonthsComesToItsEndBeforeTheNext() async throws {
        let database = try Database()
        let store = try await Self.open(database, Self.retention())
        _ = try await Self.load(store)
        // The last month was made as long ago, and stays: one of its tasks ended lately.
        var late = Self.row(3, age: 400 * Self.day)
        late.finishedAt = Self.now
        let rows = [Self.row(1, age: 300 * Self.day), Self.row(2, age: 350 * Self.day), late]
        try await Self.commit(store, rows, forgottenUpTo: Self.now)
        try await Self.reach(database, Self.left, 0)
        await store.close()
        let connection = try database.connect()
        try connection.executeScript(
            "INSERT INTO tasks SELECT * FROM task_history WHERE task_id = '\(rows[2].idText)'; "
                + "UPDATE tasks SET task_id = '\(Self.row(4, age: 0).idText)', created_at = timezone('UTC', now())"
        )
        var retention = Self.retention(days: 180)
        retention.pace.dropMilliseconds = 0
        var walk = HistoryWalk(connection: connection, epoch: 1, retention: retention, logger: Logger(label: "test"))
        for _ in 0..<20 { _ = try walk.step(forgottenUpTo: Self.now) }
        #expect(try MonthlyPartitions(of: .history, connection).months().count == 2)
        #expect(try connection.execute("SELECT count(*) FROM task_history").int(0, 0) == 2)
        #expect(try connection.execute(Self.left).int(0, 0) == 0)
    }

    /// A month that another program dropped or locked meanwhile is left for the next check.
    @Test func aMonthThatCannotBeLookedAtHoldsUpNoOther() async throws {
        let database = try Database()
        let store = try await Self.open(database, Self.retention())
        _ = try await Self.load(store)
        let rows = [Self.row(1, age: 300 * Self.day), Self.row(2, age: 400 * Self.day)]
        try await Self.commit(store, rows, forgottenUpTo: Self.now)
        try await Self.reach(database, Self.left, 0)
        await store.close()
        let connection = try database.connect()
        let partitions = MonthlyPartitions(of: .history, connection)
        let months = try partitions.months().sorted { $0.text < $1.text }
        var walk = HistoryWalk(
            connection: connection,
            epoch: 1,
            retention: Self.retention(days: 180),
            logger: Logger(label: "test")
        )
        _ = try walk.step(forgottenUpTo: 0)
        try partitions.drop(months[0])
        #expect(throws: PGError.self) { () throws in _ = try walk.step(forgottenUpTo: 0) }
        for _ in 0..<5 { _ = try walk.step(forgottenUpTo: 0) }
        #expect(try partitions.months().isEmpty)
    }

    @Test(arguments: [
        ("2026_11", "2026-11-01", "2026_12"), ("2026_12", "2026-12-01", "2027_01"),
        ("0999_01", "0999-01-01", "0999_02"),
    ]) func months(text: String, day: String, next: String) throws {
        let month = try #require(Month(text))
        #expect((month.text, month.firstDay, month.next.text) == (text, day, next))
    }

    @Test(arguments: ["", "default", "2026_13", "2026_00", "2026_1", "26_01", "2026_011", "2026_01_01", "-026_01"])
    func noMonths(text: String) {
        #expect(Month(text) == nil)
    }

    // MARK: Start

    @Test func theLoadIsBounded() async throws {
        let database = try Database()
        let first = try await Self.open(database, Self.retention())
        var rows = (0..<40).map { Self.row($0, age: 3_600_000 - Int64($0) * 1_000) }
        for number in stride(from: 0, to: 40, by: 5) {
            rows[number] = Self.row(UInt64(number), age: 3_600_000, .pending)
        }
        // Of what is too old none is loaded, however few there are.
        rows[1] = Self.row(1, age: 2 * Self.day)
        // One that was imported is as young as its import.
        rows[2] = Self.row(2, age: 2 * Self.day)
        rows[2].importedAt = Self.now
        try await Self.commit(first, rows)
        await first.close()
        let second = try await Self.open(database, Self.retention(held: 4, heldDays: 1))
        let loaded = try await Self.load(second)
        let ended = [2, 37, 38, 39].map { rows[$0].id }
        #expect(loaded.filter(\.status.isTerminal).map(\.id) == ended)
        #expect(loaded.filter { !$0.status.isTerminal }.map(\.id) == rows.filter { !$0.status.isTerminal }.map(\.id))
        #expect(loaded.map(\.id) == loaded.map(\.id).sorted())
        // The others are moved without further ado.
        try await Self.reach(database, Self.left, loaded.count)
        #expect(try await Self.list(second) == rows)
        await second.close()
        let third = try await Self.open(database, Self.retention(held: 4, heldDays: 1))
        #expect(try await Self.load(third) == loaded)
        await third.close()
    }
}
