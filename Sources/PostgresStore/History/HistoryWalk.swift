import Logging

/// The mover's repeated walk through `tasks`.
struct HistoryWalk {
    /// Rows of a month scanned by one statement.
    private static let agingRows = 10_000

    private let connection: PGConnection
    private let partitions: MonthlyPartitions
    private let epoch: Int
    private let retention: Retention
    private let logger: Logger
    /// Key of the last row that was scanned; empty at the beginning of the table.
    private var position = ""
    /// The eviction time as of this walk's start, and the one up to which a complete walk has moved everything.
    private var walksUpTo: Int64 = 0
    private var movedUpTo: Int64 = 0
    private var months: Set<Month> = []
    /// Months whose partition cannot be created.
    private var refused: Set<Month> = []
    private var nextDrop = ContinuousClock.now
    /// Months that may have expired, and how far each was scanned. The next check begins once this one is complete.
    private var aging: [(month: Month, position: String)] = []
    /// After each month, newly evicted tasks are moved first: a long history delays nothing.
    private var isMovingFirst = false

    init(connection: PGConnection, epoch: Int, retention: Retention, logger: Logger) {
        self.connection = connection
        partitions = MonthlyPartitions(of: .history, connection)
        self.epoch = epoch
        self.retention = retention
        self.logger = logger
    }

    /// Does the next unit of work.
    /// - Returns: milliseconds to rest after it.
    /// - Throws: `PGError`; `leadLost` where another master leads.
    mutating func step(forgottenUpTo: Int64) throws(PGError) -> Int {
        let pace = retention.pace
        let began = ContinuousClock.now
        var restFactor = pace.restFactor
        if aging.isEmpty, !isMovingFirst, began >= nextDrop { try lookForOldMonths() }
        if let days = retention.historyDays, let next = aging.first, !isMovingFirst {
            try age(next.month, next.position, days: days)
        } else {
            let isTurnOfMoving = isMovingFirst
            // An error in moving must not keep expired months from being dropped.
            isMovingFirst = false
            let moved = try moveNext(forgottenUpTo)
            isMovingFirst = isTurnOfMoving && !position.isEmpty
            if position.isEmpty { return aging.isEmpty ? pace.roundMilliseconds : pace.restMillisecondsMin }
            if moved * pace.littleShare < pace.rows { restFactor = pace.restFactorWhereLittle }
        }
        let milliseconds = Int((ContinuousClock.now - began) / .milliseconds(1))
        return max(pace.restMillisecondsMin, milliseconds * restFactor)
    }

    // MARK: Moving

    /// Moves the next page, where anything was evicted since the last walk; the position is empty again at the end.
    private mutating func moveNext(_ forgottenUpTo: Int64) throws(PGError) -> Int {
        if position.isEmpty {
            guard forgottenUpTo > movedUpTo else { return 0 }
            walksUpTo = forgottenUpTo
            // Somebody may have dropped a partition.
            months = try partitions.months()
        }
        let moved = try movePage(forgottenUpTo)
        if position.isEmpty { movedUpTo = walksUpTo }
        return moved
    }

    /// Moves the evicted tasks of the next rows; the position is empty again after the last.
    /// - Returns: the count of moved rows.
    private mutating func movePage(_ forgottenUpTo: Int64) throws(PGError) -> Int {
        let upTo = String(forgottenUpTo)
        let number = String(epoch)
        let rows = retention.pace.rows
        let page = try connection.execute(
            HistoryStatements.look,
            PGParameters(position, String(rows), upTo, number)
        )
        guard page.flag(0, 3) else { throw PGError.leadLost }
        guard let count = page.int(0, 0), let last = page.text(0, 1) else {
            position = ""
            return 0
        }
        var moved = 0
        if let found = page.text(0, 2) {
            var wanted: [String] = []
            for text in found.split(separator: ",") where try isThere(text) { wanted.append(String(text)) }
            moved =
                try connection.execute(
                    HistoryStatements.move,
                    PGParameters(position, last, upTo, wanted.joined(separator: ","), number)
                ).int(0, 0) ?? 0
            logger.debug("moved ended tasks to task_history", metadata: ["tasks": "\(moved)"])
        }
        position = count == rows ? last : ""
        return moved
    }

    /// Whether there is a partition for rows of this month. Rows without one stay in `tasks`, where they are found as
    /// well.
    private mutating func isThere(_ text: Substring) throws(PGError) -> Bool {
        guard let month = Month(text) else { return true }
        if months.contains(month) { return true }
        if refused.contains(month) { return false }
        do throws(PGError) {
            try partitions.make(month)
            months = try partitions.months()
        } catch {
            // 42501: insufficient privilege.
            guard error.sqlState == "42501" else { throw error }
        }
        if months.contains(month) { return true }
        refused.insert(month)
        logger.warning(
            "cannot make a partition: its tasks stay in the table tasks until podling-master migrate is run by its owner",
            metadata: ["partition": "\(partitions.name(month))"]
        )
        return false
    }

    // MARK: Dropping

    private mutating func lookForOldMonths() throws(PGError) {
        nextDrop = .now + .milliseconds(retention.pace.dropMilliseconds)
        refused = []
        guard let days = retention.historyDays else { return }
        try dropEvents(days)
        aging = try partitions.months(olderThanDays: days).map { ($0, "") }
    }

    private mutating func dropEvents(_ days: Int) throws(PGError) {
        guard try leads() else { throw PGError.leadLost }
        do throws(PGError) {
            for name in try EventStatements.drop(olderThanDays: days, connection) {
                logger.notice("dropped a month of transitions", metadata: ["partition": "\(name)"])
            }
        } catch {
            try cannotDrop("task_events", error)
        }
    }

    private func leads() throws(PGError) -> Bool {
        try connection.execute(
            "SELECT 1 FROM podling_leader WHERE epoch = $1",
            PGParameters(String(epoch))
        ).rowCount == 1
    }

    private mutating func cannotDrop(_ name: String, _ error: PGError) throws(PGError) {
        guard !error.isConnectionLost else { throw error }
        if error.isRetryable { nextDrop = .now + .milliseconds(retention.pace.retryMilliseconds) }
        logger.warning("cannot drop a month of history now", metadata: ["partition": "\(name)", "error": "\(error)"])
    }

    /// Scans a month for recently ended tasks, and drops it once the scan is complete. Nothing is moved meanwhile.
    private mutating func age(_ month: Month, _ position: String, days: Int) throws(PGError) {
        // A month that cannot be scanned, as when somebody dropped it, waits for the next check; the others do not.
        aging.removeFirst()
        isMovingFirst = true
        let page = try page(of: month, after: position, olderThanDays: days)
        if page.isYounger { return }
        guard let last = page.last else { return try drop(month) }
        aging.insert((month, last), at: 0)
        isMovingFirst = false
    }

    /// Scans some rows of a month, after a task's id.
    /// - Returns: the last one's id, nil at the end; and whether one of them ended less than this many days ago.
    private func page(
        of month: Month,
        after position: String,
        olderThanDays days: Int
    ) throws(PGError) -> (last: String?, isYounger: Bool) {
        let result = try connection.execute(
            """
            SELECT max(task_id), coalesce(bool_or(since >= timezone('UTC', now()) - $2::int * interval '1 day'), false)
            FROM (
                SELECT task_id, \(TaskStatements.keptSince) AS since FROM \(partitions.name(month))
                WHERE task_id > $1 ORDER BY task_id LIMIT \(Self.agingRows)
            ) AS page
            """,
            PGParameters(position, String(days))
        )
        return (result.text(0, 0), result.flag(0, 1))
    }

    private mutating func drop(_ month: Month) throws(PGError) {
        guard try leads() else { throw PGError.leadLost }
        do throws(PGError) {
            try partitions.drop(month)
            months.remove(month)
            logger.notice("dropped a month of history", metadata: ["partition": "\(partitions.name(month))"])
        } catch {
            try cannotDrop(partitions.name(month), error)
        }
    }
}
