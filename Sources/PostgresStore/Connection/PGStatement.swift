/// Several changes as one statement: one transaction in one message, so that no lock is ever held while this side is
/// paused or sends the rest.
///
/// Each part is a common table expression of its own (manual, 7.8.4): all see the tables as they were before, so no two
/// may touch the same row.
struct PGStatement {
    private struct Part {
        let name: String
        let sql: String
        /// Parameters before its `$1`.
        let offset: Int
    }

    private var parts: [Part] = []
    /// Whose rows are counted as well.
    private var counted = ""
    private(set) var parameters: PGParameters

    init(capacityBytes: Int) { parameters = PGParameters(capacityBytes: capacityBytes) }

    /// - Parameters:
    ///   - name: a name that SQL takes unquoted; the parts after it can read what it returns by that name.
    ///   - sql: its parameters count from `$1`.
    ///   - append: appends these.
    mutating func add(_ name: String, _ sql: String, _ append: (inout PGParameters) -> Void) {
        parts.append(Part(name: name, sql: sql, offset: parameters.count))
        append(&parameters)
    }

    /// Gives also how many rows this part returns.
    mutating func counts(_ name: String) { counted = name }

    /// By which it can be prepared: equal names, equal text.
    var name: String { parts.map(\.name).joined(separator: "+") }

    /// Gives how many rows the first part returned, the number of the transaction, and how many the counted part returned.
    func sql() -> String {
        let expressions = parts.map { "\($0.name) AS (\n\(Self.renumbered($0.sql, by: $0.offset))\n)" }
        return """
            WITH \(expressions.joined(separator: ",\n"))
            SELECT count(*), txid_current()\(counted.isEmpty ? "" : ", (SELECT count(*) FROM \(counted))")
            FROM \(parts.first?.name ?? "")
            """
    }

    private static func renumbered(_ sql: String, by offset: Int) -> String {
        let pieces = sql.split(separator: "$", omittingEmptySubsequences: false)
        return pieces.dropFirst().reduce(into: String(pieces.first ?? "")) { all, piece in
            let digits = piece.prefix { $0.isNumber }
            all += "$\((Int(digits) ?? 0) + offset)\(piece.dropFirst(digits.count))"
        }
    }
}
