/// The statements that move terminal tasks. `tasks` is walked by its primary key, so that this needs no further index.
enum HistoryStatements {
    /// Months outside these years share the default partition.
    private static let years = (first: 2000, end: 2100)

    /// The month of a terminal task, or `default`.
    private static let month = """
        CASE WHEN created_at >= '\(years.first)-01-01' AND created_at < '\(years.end)-01-01'
            THEN to_char(created_at, 'YYYY_MM') ELSE 'default' END
        """

    /// Rows of another program are never moved: it may still use them.
    private static let isForgotten = """
        spec IS NOT NULL AND status IN \(TaskStatements.endedStatuses)
            AND \(TaskStatements.keptSince) <= timestamp 'epoch' + $3::bigint * interval '1 millisecond'
        """

    /// Scans the next rows after `$1`, at most `$2`: returns their count, the last one's id, the months of those among
    /// them that were evicted by `$3`, and whether `$4` is the epoch.
    static let look = """
        SELECT count(*), max(task_id), string_agg(DISTINCT month, ','),
            EXISTS (SELECT 1 FROM podling_leader WHERE epoch = $4)
        FROM (
            SELECT task_id, CASE WHEN \(isForgotten) THEN \(month) END AS month
            FROM tasks WHERE task_id > $1 ORDER BY task_id LIMIT $2
        ) AS page
        """

    /// Moves the rows after `$1` up to `$2` that were evicted by `$3` and are of the months `$4`, in the epoch `$5`.
    /// - Returns: the count of moved rows.
    static let move = """
        WITH moved AS (
            DELETE FROM tasks WHERE task_id > $1 AND task_id <= $2 AND \(isForgotten)
                AND \(month) = ANY (string_to_array($4, ',')) AND EXISTS (SELECT 1 FROM podling_leader WHERE epoch = $5)
            RETURNING \(TaskStatements.allColumns)
        ), kept AS (
            INSERT INTO task_history AS t (\(TaskStatements.allColumns)) SELECT \(TaskStatements.allColumns) FROM moved
            ON CONFLICT (task_id, created_at) DO UPDATE SET \(TaskStatements.changing) RETURNING 1
        )
        SELECT count(*) FROM kept
        """
}
