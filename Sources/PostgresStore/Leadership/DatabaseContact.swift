import NIOConcurrencyHelpers
import PodlingClock

/// Whether the database answers those who ask it all the time. Any thread may call it.
final class DatabaseContact: Sendable {
    /// Monotonic milliseconds.
    private let unansweredSince = NIOLockedValueBox<Int?>(nil)

    /// Something is asked, for the first time or again.
    func asked() { unansweredSince.withLockedValue { $0 = $0 ?? MonotonicClock.milliseconds() } }

    /// It was answered as it should be.
    func answered() { unansweredSince.withLockedValue { $0 = nil } }

    /// For how long all that was asked has had no good answer; 0 where nothing waits for one.
    var silentMilliseconds: Int {
        unansweredSince.withLockedValue { $0 }.map { max(MonotonicClock.milliseconds() - $0, 0) } ?? 0
    }
}
