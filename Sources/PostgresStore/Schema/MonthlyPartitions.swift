/// The monthly partitions of a table, `TABLE_2026_11`. Rows with odd dates are in `TABLE_default`, which is never
/// dropped.
struct MonthlyPartitions {
    /// A table and the column that it is partitioned by.
    struct Table {
        let name: String
        let column: String

        static let history = Table(name: "task_history", column: "created_at")
        static let events = Table(name: "task_events", column: "at")
    }

    /// Months that `podling-master migrate` creates in advance, for a service account that may not create tables.
    static let monthsAheadByHand = 12
    /// Lock time-out: users of the table wait no longer for a partition to be created or dropped.
    private static let lockMilliseconds = 500

    let table: Table
    let connection: PGConnection

    init(of table: Table, _ connection: PGConnection) {
        self.table = table
        self.connection = connection
    }

    func name(_ month: Month) -> String { "\(table.name)_\(month.text)" }

    /// The months that have a partition.
    func months() throws(PGError) -> Set<Month> {
        let result = try connection.execute(
            """
            SELECT substr(c.relname, length($1) + 2) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass($1) AND starts_with(c.relname, $1 || '_')
            """,
            PGParameters(table.name)
        )
        return Set((0..<result.rowCount).compactMap { result.text($0, 0).flatMap { Month($0) } })
    }

    /// This month and the following ones that have no partition yet; by the database's clock.
    func missingMonths(ahead count: Int) throws(PGError) -> [Month] {
        let result = try connection.execute(
            """
            SELECT month FROM (
                SELECT to_char(timezone('UTC', now()) + number * interval '1 month', 'YYYY_MM')
                FROM generate_series(0, $2::int) AS number
            ) AS months (month)
            WHERE to_regclass($1 || '_' || month) IS NULL
            """,
            PGParameters(table.name, String(count))
        )
        return (0..<result.rowCount).compactMap { result.text($0, 0).flatMap { Month($0) } }
    }

    // MARK: Making

    func making(_ month: Month) -> String {
        "CREATE TABLE IF NOT EXISTS \(name(month)) PARTITION OF \(table.name) \(Self.bounds(month));"
    }

    /// Creates the partition of a month; safe for several masters at once.
    ///
    /// - Throws: `PGError`, also where the table is in use for too long.
    func make(_ month: Month) throws(PGError) {
        do throws(PGError) {
            try change(making(month))
        } catch {
            switch error.sqlState {
            // Another master was faster: duplicate_table, unique_violation, invalid_object_definition (an overlap).
            case "42P07", "23505", "42P17": return
            case "23514": try makeFromDefault(month)
            default: throw error
            }
        }
    }

    /// `make` where the default partition has rows of the month, as of a partition that somebody detached.
    private func makeFromDefault(_ month: Month) throws(PGError) {
        try change(
            """
            CREATE TABLE \(name(month)) (LIKE \(table.name) INCLUDING ALL);
            WITH moved AS (
                DELETE FROM \(table.name)_default
                WHERE \(table.column) >= '\(month.firstDay)' AND \(table.column) < '\(month.next.firstDay)' RETURNING *
            ) INSERT INTO \(name(month)) SELECT * FROM moved;
            ALTER TABLE \(table.name) ATTACH PARTITION \(name(month)) \(Self.bounds(month));
            """
        )
    }

    private static func bounds(_ month: Month) -> String {
        "FOR VALUES FROM ('\(month.firstDay)') TO ('\(month.next.firstDay)')"
    }

    // MARK: Dropping

    /// The months that ended longer ago than this, by the database's clock; the oldest first.
    func months(olderThanDays days: Int) throws(PGError) -> [Month] {
        let limit =
            try connection.execute(
                "SELECT to_char(timezone('UTC', now()) - $1::int * interval '1 day', 'YYYY_MM')",
                PGParameters(String(days))
            ).text(0, 0) ?? ""
        return try months().filter { $0.next.text <= limit }.sorted { $0.text < $1.text }
    }

    func drop(_ month: Month) throws(PGError) { try change("DROP TABLE IF EXISTS \(name(month))") }

    /// Runs several statements in one transaction.
    private func change(_ sql: String) throws(PGError) {
        try connection.executeScript("SET LOCAL lock_timeout = \(Self.lockMilliseconds); \(sql)")
    }
}
