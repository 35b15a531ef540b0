/// Several changes in one statement: one transaction in one message, so that no lock is held while this side is paused
/// or still sending.
///
/// Each part is a common table expression (manual, 7.8.4): all see the same snapshot, so no two may touch the same row.
struct PGStatement {
    private struct Part {
        let name: String
        let sql: String
        /// Count of parameters before its `$1`.
        let offset: Int
    }

    private var parts: [Part] = []
    /// Name of the part whose rows are counted as well.
    private var counted = ""
    private(set) var parameters: PGParameters

    init(capacityBytes: Int) { parameters = PGParameters(capacityBytes: capacityBytes) }

    /// - Parameters:
    ///   - name: an unquoted SQL name; later parts can read what it returns by that name.
    ///   - sql: its parameters count from `$1`.
    ///   - append: appends its parameters.
    mutating func add(_ name: String, _ sql: String, _ append: (inout PGParameters) -> Void) {
        parts.append(Part(name: name, sql: sql, offset: parameters.count))
        append(&parameters)
    }

    /// Also returns the row count of this part.
    mutating func counts(_ name: String) { counted = name }

    /// Name for preparing it: equal names mean equal text.
    var name: String { parts.map(\.name).joined(separator: "+") }

    /// The SQL, which returns the row count of the first part, the transaction id, and the row count of the counted
    /// part.
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
