import Glibc
import Logging
import NIOConcurrencyHelpers
import PodlingClock
import PodlingCore
import PodlingProtocol
import PodlingStore

/// The one connection that writes.
///
/// Sendable by libpq's guarantee that a connection may be used by any thread, one at a time (PostgreSQL manual,
/// 34.20): all but `close` and `lead` is called on the store's one thread only.
final class TaskWriter: @unchecked Sendable {
    static let pageRows = 5_000
    /// After this time and a short grace, a write without an answer is retried on a new connection.
    static let statementMillisecondsDefault = 20_000
    /// One plan, made once, serves batches of one row and of thousands, and a table that was empty at planning. The
    /// settings below would make such a plan look so expensive that it would be JIT-compiled, which takes a second.
    private static let settings = [
        ("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"), ("jit", "off"),
    ]
    private static let retryMilliseconds: ClosedRange<Int64> = 100...3_000
    /// Polling interval at which a pause notices that the time is over.
    private static let sliceMilliseconds = 100
    /// How long a write that cannot succeed delays the end of the program.
    static let closeMilliseconds = 4_000

    /// Partitions are created in advance, by a check once an hour.
    private static let partitionMilliseconds = 3_600_000

    private let url: String
    private let isPrepared: Bool
    private let statementMilliseconds: Int
    let logger: Logger
    private var connection: PGConnection?
    /// The connection for loading: separate, because its statements may take longer.
    private(set) var reader: PGConnection?
    private var hasConnected = false
    /// The OID of the row type in the connection's database: a restored one may have another.
    private(set) var rowType: Int32 = 0
    private let lead = NIOLockedValueBox(LeadFence())
    private var serverStart = 0
    /// The marker of the last acknowledged transaction.
    private(set) var mark: DurableMark?
    /// The database lacks acknowledged rows, and everything that the master holds is to be written again.
    var isBehind = false
    var behindSince = ""
    var hasSaidWhatIsLost = false
    /// See `StoreBatch`.
    private(set) var forgottenUpTo: Int64 = 0
    /// The source of everything that the database is to have.
    let source = NIOLockedValueBox<HeldSource?>(nil)
    let health: DatabaseHealth
    var adoption = Adoption()
    private var hasWritten = false
    /// Monotonic seconds of the last check of the partitions; nil is never.
    private var partitionsAt: Int?
    /// Monotonic milliseconds from which nothing is retried.
    private let givingUpAt = NIOLockedValueBox<Int?>(nil)

    /// - Parameter isPrepared: whether statements are prepared, once for each connection, where its session is its own.
    init(
        url: String,
        isPrepared: Bool,
        statementMilliseconds: Int = statementMillisecondsDefault,
        health: DatabaseHealth? = nil,
        logger: Logger
    ) {
        self.health = health ?? DatabaseHealth(logger: logger)
        self.url = url
        self.isPrepared = isPrepared
        self.statementMilliseconds = statementMilliseconds
        self.logger = logger
    }

    /// Limits retries to this time from now; only the first call counts. Thread-safe.
    func giveUp(inMilliseconds milliseconds: Int) {
        givingUpAt.withLockedValue { $0 = $0 ?? MonotonicClock.milliseconds() + milliseconds }
    }

    // MARK: Opening

    /// Makes this master the leader, in this epoch, by this holder. Thread-safe.
    func lead(epoch: Int, holder: String? = nil) {
        lead.withLockedValue { $0 = LeadFence(epoch: epoch, holder: holder) }
    }

    var fence: LeadFence {
        var fence = lead.withLockedValue { $0 }
        fence.serverStart = serverStart
        return fence
    }

    var isGivingUp: Bool { Self.isOver(givingUpAt) }

    /// Opens the connection for writing.
    func connect() throws(PGError) { _ = try usable(pending: StoreBatch()) }

    func made() throws(PGError) -> PGConnection {
        let connection = try PGConnection(
            url,
            statementMilliseconds: statementMilliseconds,
            settings: isPrepared ? Self.settings : []
        )
        connection.isGivenUp = { [givingUpAt] in Self.isOver(givingUpAt) }
        return connection
    }

    // MARK: Loading

    /// - Returns: the time up to which terminal tasks stay in the database only, in milliseconds since 1970.
    func openCursor(_ retention: Retention) throws -> Int64 {
        let connection = try PGConnection(url)
        reader = connection
        try connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        let endedAfter = try connection.execute(
            TaskStatements.loadedAfter,
            PGParameters(String(retention.heldMilliseconds), String(retention.heldMax))
        ).int(0, 0)
        guard let endedAfter else { throw PGError(message: "the database does not tell the time") }
        try connection.execute(TaskStatements.openCursor(endedAfter: endedAfter))
        return Int64(endedAfter)
    }

    /// All nodes, in the cursor's transaction.
    func nodeRows() throws -> [NodeRow] {
        guard let result = try reader?.execute(NodeStatements.all) else { return [] }
        return (0..<result.rowCount).map { NodeStatements.row(result, $0) }
    }

    /// The highest of our own ids, in the cursor's transaction; nil where there is none.
    func lastID() throws -> TaskID? {
        guard var text = try reader?.execute(TaskStatements.lastID).text(0, 0) else { return nil }
        return text.withUTF8 { TaskID(UnsafeRawBufferPointer($0)) }
    }

    /// The last transitions, in the cursor's transaction.
    func lastEvents(max count: Int) throws -> (EventTrail, [TaskEventRow]) {
        guard let reader else { return (EventTrail(runs: [], lastNumber: 0), []) }
        return try EventStatements.load(reader, max: count)
    }

    /// The next rows; nil at the end. A row that this version cannot read is left out, and stays in the database.
    func nextRows() throws -> [TaskRow]? {
        guard let result = try reader?.execute("FETCH \(Self.pageRows) FROM restored"), result.rowCount > 0 else {
            return nil
        }
        return (0..<result.rowCount).compactMap { index in
            let row = TaskStatements.row(result, index)
            if row == nil {
                logger.error(
                    "a task in the database is left out: its status is none of this version's; correct or remove its row",
                    metadata: [
                        "taskId": "\(result.text(index, 0) ?? "")", "status": "\(result.text(index, 5) ?? "")",
                    ]
                )
            }
            return row
        }
    }

    func closeCursor() throws { try reader?.execute("CLOSE restored") }

    /// Ends the transaction that `openCursor` began.
    func endLoad() throws {
        try reader?.execute("COMMIT")
        reader = nil
    }

    // MARK: Writing

    enum Outcome {
        case written
        /// The batch holds a row that the database rejects.
        case refused(PGError)
        case failed(StoreError)
    }

    /// Writes the batch as one transaction, and retries for as long as it takes: the database may be unreachable for a
    /// while.
    func writeWhole(_ batch: StoreBatch) -> Outcome {
        forgottenUpTo = max(forgottenUpTo, batch.forgottenUpTo)
        guard batch.rowCount > 0 else { return .written }
        var backoff = Backoff(milliseconds: Self.retryMilliseconds)
        var mayExist = batch.tasks.contains { $0.isAdopted }
        while true {
            do throws(PGError) {
                let connection = try usable(pending: batch)
                if isBehind {
                    try refill(connection)
                    mayExist = true
                }
                if !batch.events.isEmpty { preparePartitions(connection) }
                let fence = fence
                var statement = TaskStatements.write(batch, mayExist: mayExist, fence: fence, rowType: rowType)
                EventStatements.add(batch, epoch: fence.epoch, isFirst: !hasWritten, to: &statement)
                let isPrepared = isPrepared && connection.ownsSession
                let result = try connection.execute(statement, isPrepared: isPrepared)
                guard result.int(0, 0) == 1 else {
                    guard try fence.isHeld(connection), try isAnotherServer(connection, pending: batch) else {
                        throw PGError.leadLost
                    }
                    continue
                }
                hasWritten = true
                let transaction = result.int(0, 1) ?? 0
                mark = DurableMark(batch, transaction: transaction, serverStart: fence.serverStart) ?? mark
                return .written
            } catch {
                let wasThere = error.isUniqueViolation && !mayExist
                mayExist = true
                guard !wasThere else { continue }
                if error.isRowRefused { return .refused(error) }
                guard error.isRetryable else {
                    return .failed(StoreError(error.description, isLeadLost: error.isLeadLost))
                }
                if error.isConnectionLost || error.sqlState?.hasPrefix("53") != true { connection = nil }
                if Self.isOver(givingUpAt) {
                    return .failed(StoreError("gave up at the end of the program: \(error)"))
                }
                logger.warning("PostgreSQL: will try again", metadata: ["error": "\(error)"])
                pause(milliseconds: Int(backoff.nextMilliseconds(jitter: .random(in: 0..<1))))
            }
        }
    }

    /// Transitions of a month without a partition go to the default one, until it can be created.
    private func preparePartitions(_ connection: PGConnection) {
        let now = MonotonicClock.milliseconds()
        guard partitionsAt.map({ now - $0 >= Self.partitionMilliseconds }) ?? true else { return }
        partitionsAt = now
        do throws(PGError) {
            let partitions = MonthlyPartitions(of: .events, connection)
            for month in try partitions.missingMonths(ahead: 1) { try partitions.make(month) }
        } catch {
            logger.warning("PostgreSQL: no partition of task_events for the month", metadata: ["error": "\(error)"])
        }
    }

    private func usable(pending: StoreBatch) throws(PGError) -> PGConnection {
        if let connection { return connection }
        let made = try made()
        _ = try isAnotherServer(made, pending: pending)
        connection = made
        if hasConnected { logger.notice("PostgreSQL: connected again") }
        hasConnected = true
        return made
    }

    /// Checks which server this is, and whether it has what was acknowledged.
    /// - Returns: whether it is another server than before.
    private func isAnotherServer(_ connection: PGConnection, pending: StoreBatch) throws(PGError) -> Bool {
        let result = try connection.execute(
            "SELECT '\(TaskStatements.rowType)'::regtype::oid, \(LeadFence.serverStart)"
        )
        rowType = Int32(truncatingIfNeeded: result.int(0, 0) ?? 0)
        let before = serverStart
        serverStart = result.int(0, 1) ?? 0
        try lookBack(connection, pending: pending)
        return serverStart != before
    }

    // MARK: Time

    private static func isOver(_ givingUpAt: NIOLockedValueBox<Int?>) -> Bool {
        givingUpAt.withLockedValue { $0 }.map { MonotonicClock.milliseconds() >= $0 } ?? false
    }

    /// Blocks the store's own thread, which has nothing else to do, but not beyond the time limit.
    private func pause(milliseconds: Int) {
        let end = MonotonicClock.milliseconds() + milliseconds
        while case let left = end - MonotonicClock.milliseconds(), left > 0, !Self.isOver(givingUpAt) {
            var time = timespec(tv_sec: 0, tv_nsec: min(left, Self.sliceMilliseconds) * 1_000_000)
            nanosleep(&time, nil)
        }
    }
}
