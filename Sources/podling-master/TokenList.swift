import PodlingAccess
import PodlingProtocol

/// Formats tokens as a human-readable table.
enum TokenList {
    static func text(_ records: [TokenRecord]) -> String {
        let rows =
            [["NAME", "ROLE", "NODE", "CREATED"]]
            + records.sorted { $0.name < $1.name }.map {
                [$0.name, $0.role.rawValue, $0.node ?? "-", Timestamp.format($0.createdAt)]
            }
        let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
                .joined(separator: "  ").trimmedEnd + "\n"
        }.joined()
    }
}

extension String {
    fileprivate var trimmedEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}
