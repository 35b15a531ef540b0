/// How long terminal tasks are kept, and where.
package struct Retention: Sendable {
    /// Terminal tasks that the master holds, by number and by age; older ones are in the database only.
    package var heldMax: Int
    package var heldMilliseconds: Int
    /// A month of history is dropped this long after its end, and after the last of its tasks ended; nil is never.
    package var historyDays: Int?
    var pace = HistoryMover.Pace()

    package init(heldMax: Int = 100_000, heldMilliseconds: Int = 24 * 3_600 * 1_000, historyDays: Int? = nil) {
        self.heldMax = heldMax
        self.heldMilliseconds = heldMilliseconds
        self.historyDays = historyDays
    }
}
