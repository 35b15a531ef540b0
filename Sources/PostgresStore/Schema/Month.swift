/// A month in UTC, the unit of partitioning.
struct Month: Hashable {
    let year: Int
    let month: Int

    private init(year: Int, month: Int) {
        self.year = year
        self.month = month
    }

    /// Parses `2026_11`; nil for anything else.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count == 4, parts[1].count == 2, let year = Int(parts[0]),
            let month = Int(parts[1]), (1...12).contains(month), year > 0
        else { return nil }
        self.init(year: year, month: month)
    }

    /// `2026_11`
    var text: String { "\(Self.digits(year, 4))_\(Self.digits(month, 2))" }

    /// `2026-11-01`
    var firstDay: String { "\(Self.digits(year, 4))-\(Self.digits(month, 2))-01" }

    var next: Month {
        month == 12 ? Month(year: year + 1, month: 1) : Month(year: year, month: month + 1)
    }

    private static func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(count - text.count, 0)) + text
    }
}
