import Glibc
import NIOPosix

/// What `podling-master migrate` does: the steps that a master would take at start, one line each, and the months of
/// history to come, for a service that may not make tables.
public enum MigrationByHand {
    private static let pollMilliseconds = 200
    private static let events = "task_events"

    /// - Parameters:
    ///   - isDryRun: says the SQL instead, and changes nothing.
    ///   - say: gets whole lines, on another thread.
    /// - Throws: `PGError`.
    public static func run(url: String, isDryRun: Bool, say: @escaping @Sendable (String) -> Void) async throws {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let outcome: Result<Void, any Error>
        do {
            try await pool.runIfActive {
                let migration = try Migration(url: url)
                if isDryRun { try print(migration, say) } else { try run(migration, say) }
            }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        try await pool.shutdownGracefully()
        try outcome.get()
    }

    private static func run(_ migration: Migration, _ say: (String) -> Void) throws(PGError) {
        let plan = try migration.plan()
        say("schema version \(plan.version); this podling-master knows \(Schema.steps.count)")
        try migration.run {
            var time = timespec(tv_sec: 0, tv_nsec: pollMilliseconds * 1_000_000)
            nanosleep(&time, nil)
        } tell: {
            say("step \($0): \($1.what)")
        }
        let partitions = HistoryPartitions(connection: migration.connection)
        let months = try partitions.missingMonths(of: HistoryPartitions.history)
        for month in months {
            say("partition \(month.table)")
            try partitions.make(month)
        }
        let eventMonths = try partitions.missingMonths(of: events)
        for month in eventMonths {
            say("partition \(events)_\(month.text)")
            do throws(PGError) {
                try partitions.make(month, of: events)
            } catch {
                // Its transitions are where they are found as well.
                guard error.sqlState == "23514" else { throw error }
                say("    left out: \(events)_default has rows of that month")
            }
        }
        say(plan.steps.isEmpty && months.isEmpty && eventMonths.isEmpty ? "nothing to do" : "done")
    }

    private static func print(_ migration: Migration, _ say: (String) -> Void) throws(PGError) {
        let plan = try migration.plan()
        say("-- schema version \(plan.version); this podling-master knows \(Schema.steps.count)")
        for (number, step) in plan.steps {
            say("-- step \(number): \(step.what)\n\(Migration.sql(number, step))")
        }
        let partitions = HistoryPartitions(connection: migration.connection)
        var made: [String] = []
        for table in [HistoryPartitions.history, events] {
            made += try partitions.missingMonths(of: table).map { HistoryPartitions.making($0, of: table) }
        }
        for sql in made { say(sql) }
        if plan.steps.isEmpty, made.isEmpty { say("-- nothing to do") }
    }
}
