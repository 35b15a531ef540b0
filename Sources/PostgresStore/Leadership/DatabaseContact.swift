import NIOConcurrencyHelpers
import PodlingClock

/// Tracks whether the database answers its regular queries. Thread-safe.
final class DatabaseContact: Sendable {
    /// Monotonic milliseconds of the first query without a good answer.
    private let unansweredSince = NIOLockedValueBox<Int?>(nil)

    /// Records a query, first or repeated.
    func asked() { unansweredSince.withLockedValue { $0 = $0 ?? MonotonicClock.milliseconds() } }

    /// Records a good answer.
    func answered() { unansweredSince.withLockedValue { $0 = nil } }

    /// For how long no query has had a good answer; 0 where none is outstanding.
    var silentMilliseconds: Int {
        unansweredSince.withLockedValue { $0 }.map { max(MonotonicClock.milliseconds() - $0, 0) } ?? 0
    }
}
