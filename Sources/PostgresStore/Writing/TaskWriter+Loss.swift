import Logging
import NIOConcurrencyHelpers
import PodlingCore
import PodlingProtocol
import PodlingStore

/// Compares the database of another leader with what this master, which led before, had acknowledged: nobody writes
/// that again.
extension TaskWriter {
    private struct Loss {
        var count = 0
        /// Those of them that are not in the database at all.
        var missingCount = 0
        /// The earliest and the latest lost change in milliseconds since 1970.
        var first = Int64.max
        var last: Int64 = 0
    }

    /// Reports once what the database lacks.
    /// - Parameter unacknowledged: the tasks whose last changes are not acknowledged, whenever it is called.
    func sayWhatIsLost(besides unacknowledged: () -> Set<TaskID>) {
        guard let mark, !hasSaidWhatIsLost else { return }
        hasSaidWhatIsLost = true
        do throws(PGError) {
            let connection = try made()
            let server = try connection.execute(
                "SELECT '\(TaskStatements.rowType)'::regtype::oid, \(LeadFence.serverStart)"
            )
            // A server that runs on has all that it committed.
            guard isBehind || server.int(0, 1) != mark.serverStart else { return }
            let rowType = Int32(truncatingIfNeeded: server.int(0, 0) ?? 0)
            let loss = try loss(connection, rowType, besides: unacknowledged)
            if isBehind || loss.count > 0 { say(loss) }
        } catch {
            logger.warning(
                "PostgreSQL: another master leads; whether it lacks what this one had acknowledged is not known",
                metadata: ["error": "\(error)"]
            )
        }
    }

    private func loss(
        _ connection: PGConnection,
        _ rowType: Int32,
        besides unacknowledged: () -> Set<TaskID>
    ) throws(PGError) -> Loss {
        var loss = Loss()
        guard let source = source.withLockedValue({ $0 }) else { return loss }
        var position: Int? = 0
        while let from = position {
            let page = try page(of: source, from: from)
            position = page.next
            let open = unacknowledged().union(page.changed)
            var tasks = page.batch.tasks.filter { row in
                // Ended tasks may have been moved, and dropped by their age.
                let mayBeGone = row.status.isTerminal && max(row.finishedAt, row.importedAt) <= forgottenUpTo
                return !mayBeGone && !open.contains(row.id)
            }
            for index in tasks.indices { tasks[index].spec = nil }
            var parameters = PGParameters()
            TaskStatements.append(tasks, rowType, to: &parameters)
            let result = try connection.execute(TaskStatements.lost, parameters)
            guard let count = result.int(0, 0), count > 0 else { continue }
            loss.count += count
            loss.missingCount += result.int(0, 1) ?? 0
            loss.first = min(loss.first, Int64(result.int(0, 2) ?? 0))
            loss.last = max(loss.last, Int64(result.int(0, 3) ?? 0))
        }
        return loss
    }

    private func say(_ loss: Loss) {
        var words = "\(Self.offence), and another master leads now"
        if loss.count > 0 {
            let span = "\(Timestamp.format(loss.first)) to \(Timestamp.format(loss.last))"
            words += ": what is missing there is lost; it lacks changes of \(loss.count) tasks, from \(span), "
            words += "and \(loss.missingCount) of the tasks"
        } else {
            words += ": it has every task that this one holds"
        }
        logger.error("PostgreSQL: \(words)")
        if isBehind { health.settled(words) } else { health.lost(words) }
    }
}

extension TaskStatements {
    /// Of rows that were acknowledged: the count of those that the database lacks or has in an earlier state, the count
    /// of those that it lacks, and the earliest and latest of their changes in milliseconds since 1970.
    static let lost = """
        SELECT count(*), count(*) FILTER (WHERE is_missing), \(milliseconds("min(at)")), \(milliseconds("max(at)")) FROM (
            SELECT t.task_id IS NULL AS is_missing,
                greatest(held.created_at, held.scheduled_at, held.started_at, held.finished_at) AS at
            FROM unnest($1::\(rowType)[]) AS held LEFT JOIN tasks AS t ON t.task_id = held.task_id
            WHERE (t.task_id IS NULL AND NOT EXISTS (SELECT FROM task_history AS h WHERE h.task_id = held.task_id))
                OR (t.attempt, \(place("t"))) < (held.attempt, \(place("held")))
                OR (held.status IN \(endedStatuses) AND t.status NOT IN \(endedStatuses))
                OR (held.cancel_requested AND NOT t.cancel_requested AND t.attempt = held.attempt
                    AND t.status NOT IN \(endedStatuses))
        ) AS lost
        """
}
