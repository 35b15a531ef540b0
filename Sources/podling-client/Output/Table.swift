import PodlingProtocol

/// Aligned columns of text; cells are made safe for a terminal. The first row gives the minimum widths.
struct Table {
    /// Separator between columns.
    private static let gap = "   "
    /// Maximum width of a column: a longer cell does not push the following columns further right.
    private static let columnWidthMax = 64

    let headings: [String]
    private(set) var rows: [[String]] = []

    init(_ headings: [String]) {
        self.headings = headings
    }

    mutating func add(_ cells: [String]) {
        rows.append(cells.map(TerminalSafeText.escaped))
    }

    /// Renders the rows as lines, each with its line ending.
    ///
    /// - Parameter colour: returns the escape sequence for a cell, by its column and text.
    func rendered(colour: (_ column: Int, _ cell: String) -> String? = { _, _ in nil }) -> String {
        var widths = headings.map(\.count)
        for row in rows {
            for (column, cell) in row.enumerated() where column < widths.count {
                widths[column] = max(widths[column], min(cell.count, Self.columnWidthMax))
            }
        }
        var text = line(headings, widths) { _, _ in nil }
        for row in rows { text += line(row, widths, colour) }
        return text
    }

    private func line(_ cells: [String], _ widths: [Int], _ colour: (Int, String) -> String?) -> String {
        var text = ""
        for (column, cell) in cells.enumerated() {
            if let code = colour(column, cell) { text += "\u{1B}[\(code)m\(cell)\u{1B}[0m" } else { text += cell }
            guard cells[(column + 1)...].contains(where: { !$0.isEmpty }) else { break }
            text += String(repeating: " ", count: max(0, widths[column] - cell.count)) + Self.gap
        }
        return text + "\n"
    }
}
