/// Migrates a database to the steps of `Schema`; safe for several masters at once.
struct Migration {
    /// The version of the tables, and the steps that are due.
    struct Plan {
        var version: Int
        var steps: [(number: Int, step: Schema.Step)]
    }

    /// The key of the advisory lock: `podling` in ASCII, which other users of this database will not pick.
    private static let lockNumber = 31_647_262_063_484_519
    /// Time limit of a step: it may build an index on a table of many millions.
    private static let statementMilliseconds = 3_600_000
    private static let polls = 300

    let connection: PGConnection

    init(url: String) throws(PGError) {
        connection = try PGConnection(url, statementMilliseconds: Self.statementMilliseconds)
    }

    /// Computes the steps that are due. Needs read permission only.
    ///
    /// - Throws: `PGError`, also where the database is of a newer version.
    func plan() throws(PGError) -> Plan {
        var version = 0
        if try connection.execute("SELECT to_regclass('podling_schema') IS NOT NULL").flag(0, 0) {
            version = try connection.execute("SELECT coalesce(max(version), 0) FROM podling_schema").int(0, 0) ?? 0
        }
        let known = Schema.steps.count
        guard version <= known else {
            throw PGError(
                message: "the database's schema is version \(version), and this podling-master knows \(known)"
            )
        }
        return Plan(version: version, steps: (version..<known).map { ($0 + 1, Schema.steps[$0]) })
    }

    /// Runs the steps that are due; changes nothing where there are none.
    ///
    /// - Parameters:
    ///   - pause: waits a moment before checking again whether another master has finished.
    ///   - tell: called before each step.
    /// - Throws: `PGError`, also where another master migrates for too long.
    func run(pause: () -> Void, tell: (Int, Schema.Step) -> Void = { _, _ in }) throws(PGError) {
        guard try !plan().steps.isEmpty else { return }
        var left = Self.polls
        while try !isRunLocked(tell) {
            left -= 1
            guard left > 0 else { throw PGError(message: "another master is still migrating this database; try again") }
            pause()
        }
    }

    /// - Throws: `PGError` where the tables are older than this version needs.
    func require() throws(PGError) {
        let plan = try plan()
        guard plan.steps.isEmpty else {
            throw PGError(
                message: "the tables in the database are of schema version \(plan.version), and this podling-master "
                    + "needs \(Schema.steps.count)"
            )
        }
    }

    /// Runs all steps in one transaction, which has the lock: a pooler may lend the session to others.
    /// - Returns: false where another master has the lock.
    private func isRunLocked(_ tell: (Int, Schema.Step) -> Void) throws(PGError) -> Bool {
        try connection.execute("BEGIN")
        do throws(PGError) {
            let isLocked = try connection.execute("SELECT pg_try_advisory_xact_lock(\(Self.lockNumber))").flag(0, 0)
            // Another may have migrated meanwhile.
            for (number, step) in isLocked ? try plan().steps : [] {
                tell(number, step)
                try connection.executeScript(Self.statements(number, step))
            }
            try connection.execute("COMMIT")
            return isLocked
        } catch {
            if !error.isConnectionLost { _ = try? connection.execute("ROLLBACK") }
            throw error
        }
    }

    /// The SQL of a step in a transaction of its own, with its number.
    static func sql(_ number: Int, _ step: Schema.Step) -> String { "BEGIN;\n\(statements(number, step))\nCOMMIT;" }

    private static func statements(_ number: Int, _ step: Schema.Step) -> String {
        // The step that creates the table of step numbers is not recorded in it.
        let numbers =
            """
            CREATE TABLE IF NOT EXISTS podling_schema (
                version INTEGER PRIMARY KEY, applied_at TIMESTAMP NOT NULL DEFAULT timezone('UTC', now())
            );
            """
        return """
            \(number == 1 ? numbers + "\n" : "")\(step.sql)
            INSERT INTO podling_schema (version) VALUES (\(number));
            """
    }
}
