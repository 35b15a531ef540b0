/// The partitions of `task_history`. Rows of odd dates are in its default partition, which is never dropped.
struct HistoryPartitions {
    /// Months that `podling-master migrate` makes beforehand, for a service that may not.
    static let monthsAhead = 12
    static let history = "task_history"
    private static let pageRows = 10_000
    /// Who reads history waits no longer for a partition to come or go.
    private static let lockMilliseconds = 500

    let connection: PGConnection

    /// The months that have a partition.
    func months() throws(PGError) -> Set<HistoryMonth> {
        let result = try connection.execute(
            """
            SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass('task_history')
            """
        )
        return Set((0..<result.rowCount).compactMap { result.text($0, 0).flatMap { HistoryMonth(table: $0) } })
    }

    /// This month and those that follow, of which a table has none yet.
    func missingMonths(of table: String) throws(PGError) -> [HistoryMonth] {
        let result = try connection.execute(
            """
            SELECT month FROM (
                SELECT to_char(timezone('UTC', now()) + number * interval '1 month', 'YYYY_MM')
                FROM generate_series(0, \(Self.monthsAhead)) AS number
            ) AS months (month)
            WHERE to_regclass('\(table)_' || month) IS NULL
            """
        )
        return (0..<result.rowCount).compactMap { result.text($0, 0).flatMap { HistoryMonth($0) } }
    }

    static func making(_ month: HistoryMonth, of table: String = history) -> String {
        "CREATE TABLE IF NOT EXISTS \(table)_\(month.text) PARTITION OF \(table) \(bounds(month));"
    }

    /// Makes the partition of a month; another master may do so at once.
    func make(_ month: HistoryMonth, of table: String = history) throws(PGError) {
        do throws(PGError) {
            try change(Self.making(month, of: table))
        } catch {
            switch error.sqlState {
            // Another was faster: duplicate_table, unique_violation, invalid_object_definition (an overlap).
            case "42P07", "23505", "42P17": return
            case "23514" where table == Self.history: try makeFromDefault(month)
            default: throw error
            }
        }
    }

    /// The same where the default partition has rows of the month, as of a partition that somebody detached.
    private func makeFromDefault(_ month: HistoryMonth) throws(PGError) {
        try change(
            """
            CREATE TABLE \(month.table) (LIKE task_history INCLUDING ALL);
            WITH moved AS (
                DELETE FROM task_history_default
                WHERE created_at >= '\(month.firstDay)' AND created_at < '\(month.next.firstDay)' RETURNING *
            ) INSERT INTO \(month.table) SELECT * FROM moved;
            ALTER TABLE task_history ATTACH PARTITION \(month.table) \(Self.bounds(month));
            """
        )
    }

    /// Several statements that are one transaction.
    private func change(_ sql: String) throws(PGError) {
        try connection.executeScript("SET LOCAL lock_timeout = \(Self.lockMilliseconds); \(sql)")
    }

    private static func bounds(_ month: HistoryMonth) -> String {
        "FOR VALUES FROM ('\(month.firstDay)') TO ('\(month.next.firstDay)')"
    }

    /// The months that ended longer ago than this, by the clock of the database; the oldest first.
    func months(olderThanDays days: Int) throws(PGError) -> [HistoryMonth] {
        let limit =
            try connection.execute(
                "SELECT to_char(timezone('UTC', now()) - $1::int * interval '1 day', 'YYYY_MM')",
                PGParameters(String(days))
            ).text(0, 0) ?? ""
        return try months().filter { $0.next.text <= limit }.sorted { $0.text < $1.text }
    }

    /// Looks at some rows of a month, after a task's id.
    /// - Returns: the last one's id, nil at the end; and whether one of them ended later than so many days ago.
    func page(
        of month: HistoryMonth,
        after position: String,
        olderThanDays days: Int
    ) throws(PGError) -> (last: String?, isYounger: Bool) {
        let result = try connection.execute(
            """
            SELECT max(task_id), coalesce(bool_or(since >= timezone('UTC', now()) - $2::int * interval '1 day'), false)
            FROM (
                SELECT task_id, \(TaskStatements.keptSince) AS since FROM \(month.table)
                WHERE task_id > $1 ORDER BY task_id LIMIT \(Self.pageRows)
            ) AS page
            """,
            PGParameters(position, String(days))
        )
        return (result.text(0, 0), result.flag(0, 1))
    }

    func drop(_ month: HistoryMonth) throws(PGError) {
        try change("DROP TABLE IF EXISTS \(month.table)")
    }
}
