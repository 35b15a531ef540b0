import Logging
import NIOConcurrencyHelpers
import PodlingClock
import PodlingCore
import PodlingProtocol
import PodlingStore

/// Repairs a database that came back with less than it had acknowledged, as after a failover to a lagging standby: what
/// this master holds is written again, before anything else.
extension TaskWriter {
    /// Time limit for the master to deliver a page of what it holds.
    private static let pageMilliseconds = 60_000
    private static let pollSeconds = 0.1
    static let offence = "the database came back with less than it had acknowledged"

    /// Checks whether what was acknowledged last is still there.
    /// - Parameter pending: the batch that was sent, and may have been committed.
    func lookBack(_ connection: PGConnection, pending: StoreBatch) throws(PGError) {
        guard let mark, !isBehind else { return }
        isBehind = try !mark.isThere(connection, pending: pending, forgottenUpTo: forgottenUpTo)
        guard isBehind else { return }
        let at = Timestamp.format(WallClock.milliseconds())
        behindSince = at
        logger.error("PostgreSQL: \(Self.offence): what this master holds is written again")
        health.lost("\(Self.offence), at \(at): what this master holds is being written again")
    }

    /// Writes everything that the master holds, where it is missing or older.
    func refill(_ connection: PGConnection) throws(PGError) {
        guard let source = source.withLockedValue({ $0 }) else {
            isBehind = false
            return
        }
        var position: Int? = 0
        var written = 0
        var live: Set<String> = []
        while let from = position {
            let page = try page(of: source, from: from)
            written += try refill(page.batch, connection)
            for row in page.batch.tasks where !row.status.isTerminal { live.insert(row.idText) }
            position = page.next
        }
        let ended = try endUnknown(besides: live, connection)
        isBehind = false
        let forgotten = forgottenUpTo > 0 ? "; of ended ones that it held no more some may be missing" : ""
        let failed = ended > 0 ? "; \(ended) that had ended are failed, as nothing tells how they ended" : ""
        let words = "\(written) tasks were missing or older, and are written again\(failed)\(forgotten)"
        logger.error("PostgreSQL: \(Self.offence): \(words)")
        health.settled("\(Self.offence), at \(behindSince): \(words)")
    }

    /// Blocks until the master's loop has answered.
    func page(of source: HeldSource, from position: Int) throws(PGError) -> HeldPage {
        let box = NIOLockedValueBox<HeldPage?>(nil)
        let answer = ConditionLock(value: false)
        source(position) { page in
            box.withLockedValue { $0 = page }
            answer.lock()
            answer.unlock(withValue: true)
        }
        let end = MonotonicClock.milliseconds() + Self.pageMilliseconds
        while !isGivingUp, MonotonicClock.milliseconds() < end {
            guard answer.lock(whenValue: true, timeoutSeconds: Self.pollSeconds) else { continue }
            answer.unlock()
            if let page = box.withLockedValue({ $0 }) { return page }
        }
        throw PGError(message: "this master did not say in time what it holds", isConnectionLost: true)
    }

    /// - Returns: the count of tasks that were missing or older.
    private func refill(_ batch: StoreBatch, _ connection: PGConnection) throws(PGError) -> Int {
        guard batch.rowCount > 0 else { return 0 }
        do throws(PGError) {
            var statement = TaskStatements.refill(batch, fence: fence, rowType: rowType)
            var events = batch
            var hasGap = false
            if let first = batch.events.first {
                let last = try connection.execute("SELECT coalesce(max(seq), 0) FROM task_events").int(0, 0) ?? 0
                // A cursor must not skip missing transitions.
                hasGap = last + 1 < first.number
                if hasGap { events.newRun = nil }
            }
            EventStatements.add(events, epoch: fence.epoch, isFirst: hasGap, to: &statement)
            let result = try connection.execute(statement, isPrepared: false)
            try check(result, connection)
            return batch.tasks.isEmpty ? 0 : result.int(0, 2) ?? 0
        } catch {
            guard error.isRowRefused else { throw error }
            let pieces = batch.pieces
            guard pieces.count > 1 else {
                logger.error("PostgreSQL refuses a row that is written again", metadata: ["error": "\(error)"])
                return 0
            }
            let middle = pieces.count / 2
            return try refill(StoreBatch(pieces[..<middle]), connection)
                + refill(StoreBatch(pieces[middle...]), connection)
        }
    }

    /// Makes tasks terminal that are live in the database, but that this master has seen the end of and evicted.
    /// - Returns: the count of those tasks.
    private func endUnknown(besides live: Set<String>, _ connection: PGConnection) throws(PGError) -> Int {
        var (count, position) = (0, "")
        while true {
            let result = try connection.execute(TaskStatements.liveIDs, PGParameters(position))
            let ids = (0..<result.rowCount).compactMap { result.text($0, 0) }
            guard let last = ids.last else { return count }
            position = last
            let unknown = ids.filter { !live.contains($0) }
            guard !unknown.isEmpty else { continue }
            count += unknown.count
            try check(
                connection.execute(TaskStatements.endUnknown(unknown, fence: fence), isPrepared: false),
                connection
            )
        }
    }

    private func check(_ result: PGResult, _ connection: PGConnection) throws(PGError) {
        guard result.int(0, 0) != 1 else { return }
        guard try fence.isHeld(connection) else { throw PGError.leadLost }
        throw PGError(message: "another server has taken this one's place", isConnectionLost: true)
    }
}
