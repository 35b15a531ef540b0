import Logging

/// Rate limit for each log level, with a count of the suppressed lines: a peer that causes lines cannot fill a disk
/// with them.
struct LogBudget {
    /// Lines of one level in a period; the debug levels have a larger budget.
    static let linesMaxDefault = 100
    static let debugLinesMaxDefault = 1_000
    static let periodMilliseconds = 1_000

    private struct Period {
        var start: Int
        var lines = 0
        var leftOut = 0
    }

    private let linesMax: Int
    private let debugLinesMax: Int
    private var periods: [Logger.Level: Period] = [:]

    init(linesMax: Int = linesMaxDefault, debugLinesMax: Int = debugLinesMaxDefault) {
        self.linesMax = linesMax
        self.debugLinesMax = debugLinesMax
    }

    /// Counts a line against the budget.
    ///
    /// - Parameter now: monotonic milliseconds.
    /// - Returns: false to suppress it. Critical lines are never suppressed.
    mutating func takes(_ level: Logger.Level, at now: Int) -> Bool {
        guard level != .critical else { return true }
        var period = periods[level] ?? Period(start: now)
        if now - period.start >= Self.periodMilliseconds { period = Period(start: now, leftOut: period.leftOut) }
        let isTaken = period.lines < (level < .info ? debugLinesMax : linesMax)
        if isTaken { period.lines += 1 } else { period.leftOut += 1 }
        periods[level] = period
        return isTaken
    }

    /// Whether suppressed lines remain to be reported, now or later.
    var hasLeftOut: Bool { periods.values.contains { $0.leftOut > 0 } }

    /// Takes the counts of suppressed lines that are not reported yet, of periods that are over, or of all of them at
    /// the end; the most severe level first.
    mutating func takeLeftOut(at now: Int, isAtEnd: Bool = false) -> [(level: Logger.Level, count: Int)] {
        var told: [(level: Logger.Level, count: Int)] = []
        for (level, period) in periods where period.leftOut > 0 {
            guard isAtEnd || now - period.start >= Self.periodMilliseconds else { continue }
            told.append((level, period.leftOut))
            periods[level]?.leftOut = 0
        }
        return told.sorted { $0.level > $1.level }
    }
}
