import Glibc
import Logging
import NIOConcurrencyHelpers
import PodlingCore
import PodlingStore

/// The one connection that writes.
///
/// Sendable by libpq's guarantee that a connection may be used by any thread, one at a time (PostgreSQL manual,
/// 34.20): all but `close` and `lead` is called on the store's one thread only.
final class TaskWriter: @unchecked Sendable {
    static let pageRows = 5_000
    private static let retryMilliseconds = 100...3_000
    /// A master that stops within a transaction keeps others from the lead for no longer.
    private static let idleInTransactionMilliseconds = 2_000
    /// How long a write that cannot succeed holds up the end of the program.
    private static let closeSeconds = 4

    private let url: String
    let logger: Logger
    private(set) var connection: PGConnection?
    private var hasConnected = false
    private let epoch = NIOLockedValueBox(0)
    var adoption = Adoption()
    private let closingSince = NIOLockedValueBox<Int?>(nil)

    init(url: String, logger: Logger) {
        self.url = url
        self.logger = logger
    }

    func close() { closingSince.withLockedValue { $0 = $0 ?? Self.seconds() } }

    // MARK: Opening

    /// Leads from now on, in this epoch. Any thread may call it.
    func lead(epoch: Int) { self.epoch.withLockedValue { $0 = epoch } }

    private func made() throws(PGError) -> PGConnection {
        let connection = try PGConnection(url)
        try connection.execute("SET idle_in_transaction_session_timeout = \(Self.idleInTransactionMilliseconds)")
        return connection
    }

    // MARK: Reading all

    func openCursor() throws {
        let connection = try usable()
        try connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        // It keeps nobody from the lead, and who takes the rows may be slow.
        try connection.execute("SET LOCAL idle_in_transaction_session_timeout = 60000")
        try connection.execute(TaskStatements.openCursor)
    }

    /// The next rows; none at the end.
    func nextRows() throws -> [TaskRow] {
        guard let result = try connection?.execute("FETCH \(Self.pageRows) FROM restored") else { return [] }
        return try (0..<result.rowCount).map { index in
            guard let row = TaskStatements.row(result, index) else {
                throw PGError(message: "task \(result.text(index, 0) ?? "") in the database is none of this version's")
            }
            return row
        }
    }

    func closeCursor() throws { try connection?.execute("COMMIT") }

    // MARK: Writing

    /// Writes the batch, for as long as it takes: the database may be away for a while.
    func write(_ batch: StoreBatch) -> Result<Void, StoreError> {
        var backoff = Backoff(milliseconds: Self.retryMilliseconds)
        while true {
            do throws(PGError) {
                let connection = try usable()
                try write(batch, on: connection)
                return .success(())
            } catch {
                guard error.isRetryable else {
                    return .failure(StoreError(error.description, isLeadLost: error.isLeadLost))
                }
                if error.isConnectionLost || error.sqlState?.hasPrefix("53") != true { connection = nil }
                if let since = closingSince.withLockedValue({ $0 }), Self.seconds() - since >= Self.closeSeconds {
                    return .failure(StoreError("gave up at the end of the program: \(error)"))
                }
                logger.warning("PostgreSQL: will try again", metadata: ["error": "\(error)"])
                Self.pause(milliseconds: backoff.next())
            }
        }
    }

    private func usable() throws(PGError) -> PGConnection {
        if let connection { return connection }
        let made = try made()
        connection = made
        if hasConnected { logger.notice("PostgreSQL: connected again") }
        hasConnected = true
        return made
    }

    private func write(_ batch: StoreBatch, on connection: PGConnection) throws(PGError) {
        try connection.execute("BEGIN")
        do throws(PGError) {
            // Held until COMMIT: whoever takes over waits for it, or is seen here.
            let mine = try connection.execute(
                "SELECT 1 FROM podling_leader WHERE epoch = $1 FOR KEY SHARE",
                [Array(String(epoch.withLockedValue { $0 }).utf8)]
            )
            guard mine.rowCount == 1 else {
                throw PGError.leadLost
            }
            try writeRows(batch, on: connection)
        } catch {
            if !error.isConnectionLost { _ = try? connection.execute("ROLLBACK") }
            throw error
        }
        try connection.execute("COMMIT")
    }

    private func writeRows(_ batch: StoreBatch, on connection: PGConnection) throws(PGError) {
        let removed = Set(batch.removedTaskIDs)
        let fresh = batch.tasks.filter { $0.spec != nil && !removed.contains($0.id) }
        let known = batch.tasks.filter { $0.spec == nil && !removed.contains($0.id) }
        if !fresh.isEmpty {
            try connection.execute(TaskStatements.insert, TaskStatements.parameters(fresh, withSpecs: true))
        }
        if !known.isEmpty {
            try connection.execute(TaskStatements.update, TaskStatements.parameters(known, withSpecs: false))
        }
        guard !removed.isEmpty else { return }
        var ids = ArrayText()
        for id in batch.removedTaskIDs { ids.append(batch.text(ofRemoved: id)) }
        try connection.execute(TaskStatements.delete, [ids.finished])
    }

    // MARK: Time

    private static func seconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec
    }

    /// Blocks the store's own thread, which has nothing else to do.
    private static func pause(milliseconds: Int) {
        var time = timespec(tv_sec: milliseconds / 1_000, tv_nsec: milliseconds % 1_000 * 1_000_000)
        nanosleep(&time, nil)
    }
}
