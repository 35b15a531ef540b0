import Glibc
import NIOPosix

/// Implements `podling-master migrate`: the steps that a master would run at start, one line each, and partitions for
/// the coming months of history, for a service account that may not create tables.
package enum MigrationByHand {
    private static let pollMilliseconds = 200

    /// - Parameters:
    ///   - isDryRun: prints the SQL instead, and changes nothing.
    ///   - say: receives whole lines, on another thread.
    /// - Throws: `PGError`.
    package static func run(url: String, isDryRun: Bool, say: @escaping @Sendable (String) -> Void) async throws {
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
        let missing = try missingPartitions(migration)
        for (partitions, month) in missing {
            say("partition \(partitions.name(month))")
            try partitions.make(month)
        }
        say(plan.steps.isEmpty && missing.isEmpty ? "nothing to do" : "done")
    }

    private static func missingPartitions(_ migration: Migration) throws(PGError) -> [(MonthlyPartitions, Month)] {
        var missing: [(MonthlyPartitions, Month)] = []
        for table in [MonthlyPartitions.Table.history, .events] {
            let partitions = MonthlyPartitions(of: table, migration.connection)
            missing += try partitions.missingMonths(ahead: MonthlyPartitions.monthsAheadByHand).map { (partitions, $0) }
        }
        return missing
    }

    private static func print(_ migration: Migration, _ say: (String) -> Void) throws(PGError) {
        let plan = try migration.plan()
        say("-- schema version \(plan.version); this podling-master knows \(Schema.steps.count)")
        for (number, step) in plan.steps {
            say("-- step \(number): \(step.what)\n\(Migration.sql(number, step))")
        }
        let missing = try missingPartitions(migration)
        for (partitions, month) in missing { say(partitions.making(month)) }
        if plan.steps.isEmpty, missing.isEmpty { say("-- nothing to do") }
    }
}
