import Logging

/// How many lines of each level are written in a second, and how many were left out: whoever causes lines, as a peer may,
/// fills no disk with them.
struct LogBudget {
    /// Of one level. What was asked for to find a fault has more of them.
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

    /// Counts a line.
    ///
    /// - Parameter now: monotonic milliseconds.
    /// - Returns: false to leave it out. What ends the program never is.
    mutating func takes(_ level: Logger.Level, at now: Int) -> Bool {
        guard level != .critical else { return true }
        var period = periods[level] ?? Period(start: now)
        if now - period.start >= Self.periodMilliseconds { period = Period(start: now, leftOut: period.leftOut) }
        let isTaken = period.lines < (level < .info ? debugLinesMax : linesMax)
        if isTaken { period.lines += 1 } else { period.leftOut += 1 }
        periods[level] = period
        return isTaken
    }

    /// Whether there is something to be told, now or later.
    var hasLeftOut: Bool { periods.values.contains { $0.leftOut > 0 } }

    /// What has been left out in periods that are over, or in all of them at the end, and not told; the gravest first.
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
