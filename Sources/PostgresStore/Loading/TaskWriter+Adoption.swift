import Logging
import PodlingCore

extension TaskWriter {
    /// Remarks logged at most; the tasks themselves carry all of them.
    private static let remarksMax = 1_000

    // MARK: Adopting rows of another program

    /// Opens a cursor in the snapshot that `openCursor` took.
    func openAdoption(endedMax: Int) throws {
        guard let connection = reader else { return }
        let there = try connection.execute(TaskStatements.countAdoptable).int(0, 0) ?? 0
        adoption = Adoption(found: there)
        // An empty cursor costs a scan of the whole table.
        try connection.execute(TaskStatements.openAdoption(endedMax: there == 0 ? 0 : endedMax))
    }

    /// The next rows; none at the end.
    func nextAdopted() throws -> [TaskRow] {
        guard adoption.found > 0, let connection = reader else { return [] }
        let result = try connection.execute("FETCH \(Self.pageRows) FROM adopted")
        return (0..<result.rowCount).map { index in
            let (task, remark) = TaskStatements.adoptedRow(result, index)
            adoption.taken += 1
            if let remark {
                adoption.remarks += 1
                if adoption.remarks <= Self.remarksMax {
                    logger.warning(
                        "adopted with a remark",
                        metadata: ["task": "\(task.idText)", "remark": "\(remark)"]
                    )
                }
            }
            return task
        }
    }

    func closeAdoption() throws {
        try reader?.execute("CLOSE adopted")
        guard adoption.found > 0 else { return }
        logger.notice(
            "adopted the tasks of another program",
            metadata: [
                "tasks": "\(adoption.taken)", "remarks": "\(adoption.remarks)",
                "left_in_the_table": "\(adoption.found - adoption.taken)",
            ]
        )
    }
}

/// Counts what was adopted so far.
struct Adoption {
    /// Rows that were found.
    var found = 0
    var taken = 0
    var remarks = 0
}
