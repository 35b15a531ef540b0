import NIOCore

/// Rate limit of one kind of log line, with a count of the suppressed ones.
struct LineBudget {
    private let linesMax: Int
    private let period: TimeAmount
    private var start = NIODeadline.uptimeNanoseconds(0)
    private var lines = 0
    private var leftOut = 0

    init(linesMax: Int, period: TimeAmount) {
        self.linesMax = linesMax
        self.period = period
    }

    /// Counts a line against the budget.
    ///
    /// - Returns: the number of suppressed lines that this one reports; nil suppresses it.
    mutating func take(now: NIODeadline) -> Int? {
        if now - start >= period { (start, lines) = (now, 0) }
        guard lines < linesMax else {
            leave(1)
            return nil
        }
        lines += 1
        defer { leftOut = 0 }
        return leftOut
    }

    /// Counts lines that were suppressed elsewhere.
    mutating func leave(_ count: Int) { leftOut += count }
}
