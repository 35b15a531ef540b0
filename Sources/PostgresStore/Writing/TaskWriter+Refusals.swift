import Logging
import PodlingCore
import PodlingStore

/// An atomic part of a batch: it is written as a whole, or not at all.
enum StorePiece {
    case run(String)
    case tasks([TaskRow])
    case node(NodeRow)
    case removedNodes([String])
    case event(TaskEventRow)
}

extension StoreBatch {
    /// The parts that it consists of, in an order in which they can be written one by one.
    var pieces: [StorePiece] {
        var pieces: [StorePiece] = []
        if let newRun { pieces.append(.run(newRun)) }
        var groups: [Int: [TaskRow]] = [:]
        for row in tasks where row.group > 0 { groups[row.group, default: []].append(row) }
        for row in tasks {
            if row.group == 0 {
                pieces.append(.tasks([row]))
            } else if let rows = groups.removeValue(forKey: row.group) {
                pieces.append(.tasks(rows))
            }
        }
        pieces += nodes.map { .node($0) }
        if !removedNodeIDs.isEmpty { pieces.append(.removedNodes(removedNodeIDs)) }
        pieces += events.map { .event($0) }
        return pieces
    }

    init(_ pieces: ArraySlice<StorePiece>) {
        self.init()
        for piece in pieces {
            switch piece {
            case .run(let run): newRun = run
            case .tasks(let rows): tasks += rows
            case .node(let row): nodes.append(row)
            case .removedNodes(let ids): removedNodeIDs = ids
            case .event(let row): events.append(row)
            }
        }
    }
}

/// Writes a batch with rows that the database rejects, by a constraint, a trigger or the like: all others are written.
extension TaskWriter {
    /// Length limit of the database's message, in characters.
    private static let reasonMax = 400

    /// Writes the batch without the rows that the database rejects.
    ///
    /// - Returns: the tasks that are rejected; other rejected rows are logged and left out.
    func write(_ batch: StoreBatch) -> Result<[RefusedRow], StoreError> {
        switch writeWhole(batch) {
        case .written: return .success([])
        case .failed(let error): return .failure(error)
        case .refused(let error):
            var refused: [RefusedRow] = []
            if let failure = write(batch.pieces[...], after: error, &refused) { return .failure(failure) }
            return .success(refused)
        }
    }

    /// Bisects what was rejected as a whole.
    /// - Returns: the error with which this master cannot continue.
    private func write(
        _ pieces: ArraySlice<StorePiece>,
        after error: PGError,
        _ refused: inout [RefusedRow]
    ) -> StoreError? {
        guard pieces.count > 1 else {
            if let piece = pieces.first { leaveOut(piece, error, &refused) }
            return nil
        }
        let middle = pieces.startIndex + pieces.count / 2
        for half in [pieces[..<middle], pieces[middle...]] {
            switch writeWhole(StoreBatch(half)) {
            case .written: continue
            case .failed(let error): return error
            case .refused(let error):
                if let failure = write(half, after: error, &refused) { return failure }
            }
        }
        return nil
    }

    private func leaveOut(_ piece: StorePiece, _ error: PGError, _ refused: inout [RefusedRow]) {
        let words = "\(error.message.prefix(Self.reasonMax)) (SQLSTATE \(error.sqlState ?? ""))"
        func log(_ what: String, _ name: String) {
            logger.warning(
                "PostgreSQL refuses a row: it is left out",
                metadata: [what: "\(name)", "error": "\(words)"]
            )
        }
        switch piece {
        case .run(let run): log("run", run)
        case .node(let row): log("node", row.id)
        case .removedNodes(let ids): log("nodes", ids.prefix(10).joined(separator: ","))
        case .event(let row): log("event", String(row.number))
        case .tasks(let rows):
            log("task", rows.first?.idText ?? "")
            for row in rows {
                refused.append(RefusedRow(task: row.id, isNew: row.spec != nil && !row.isAdopted, reason: words))
            }
        }
    }
}
