/// The partitions of a table by months, `TABLE_2026_11`. What fits none is in `TABLE_default`.
struct MonthlyPartitions {
    /// Longer waits for those who read the table would hold up all writes.
    private static let lockMilliseconds = 500

    let table: String

    /// Makes those of this month and of the next, where they are not there, by the database's clock.
    ///
    /// - Throws: `PGError`, also where the table is in use, or the default partition has rows of that month.
    func prepare(_ connection: PGConnection) throws(PGError) {
        let months = try connection.execute(
            """
            SELECT to_char(m, 'YYYY_MM'), m::date, (m + interval '1 month')::date
            FROM generate_series(
                date_trunc('month', timezone('UTC', now())), timezone('UTC', now()) + interval '1 month',
                interval '1 month') AS m
            WHERE to_regclass('\(table)_' || to_char(m, 'YYYY_MM')) IS NULL
            """
        )
        for row in 0..<months.rowCount {
            guard let name = months.text(row, 0), let from = months.text(row, 1), let to = months.text(row, 2) else {
                continue
            }
            try change(
                "CREATE TABLE IF NOT EXISTS \(table)_\(name) PARTITION OF \(table) FOR VALUES FROM ('\(from)') TO ('\(to)')",
                connection
            )
        }
    }

    /// Drops those that ended so many days ago.
    ///
    /// - Returns: their names.
    @discardableResult
    func drop(olderThanDays days: Int, _ connection: PGConnection) throws(PGError) -> [String] {
        let old = try connection.execute(
            """
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass('\(table)') AND c.relname ~ '^\(table)_[0-9]{4}_[0-9]{2}$'
                AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month'
                    <= timezone('UTC', now()) - $1::int * interval '1 day'
            ORDER BY 1
            """,
            PGParameters(String(days))
        )
        let names = (0..<old.rowCount).compactMap { old.text($0, 0) }
        for name in names { try change("DROP TABLE IF EXISTS \(name)", connection) }
        return names
    }

    private func change(_ sql: String, _ connection: PGConnection) throws(PGError) {
        do throws(PGError) {
            try connection.executeScript("BEGIN; SET LOCAL lock_timeout = \(Self.lockMilliseconds); \(sql); COMMIT")
        } catch {
            if !error.isConnectionLost { _ = try? connection.execute("ROLLBACK") }
            throw error
        }
    }
}
