import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PodlingProtocol

/// Moves terminal tasks that the master has evicted from `tasks` into `task_history`, and drops expired months of it;
/// on the leading master only.
///
/// It has a thread and a connection of its own, and rests most of the time: it delays nobody, and being late costs
/// nothing, since readers query both tables. It learns of evicted tasks once the eviction is durable: a retried
/// transaction brings none of them back.
/// transaction that is run again brings none of them back.
final class HistoryMover: Sendable {
    struct Pace: Sendable {
        /// Rows scanned by one statement.
        var rows = 1_000
        /// Duty cycle: it rests this many times as long as a page took; longer where hardly anything was to be moved,
        /// as among a million pending tasks.
        var restFactor = 4
        var restFactorWhereLittle = 19
        /// A page counts as sparse where fewer than one row in this many is to be moved.
        var littleShare = 20
        var restMillisecondsMin = 20
        /// Pause from the end of the table to the next walk.
        var roundMilliseconds = 2_000
        /// Interval between checks for expired months.
        var dropMilliseconds = 3_600_000
        /// The same interval where a lock was not available.
        var retryMilliseconds = 60_000
    }

    private struct Orders {
        var epoch: Int?
        var forgottenUpTo: Int64 = 0
        var isClosing = false
    }

    private static let statementMilliseconds = 10_000

    private let url: String
    private let retention: Retention
    private let logger: Logger
    private let orders = NIOLockedValueBox(Orders())
    private let wake = ConditionLock(value: false)
    private let pool = NIOThreadPool(numberOfThreads: 1)

    init(url: String, retention: Retention, logger: Logger) {
        self.url = url
        self.retention = retention
        self.logger = logger
    }

    /// Starts in the epoch of this master's lead.
    func start(epoch: Int, forgottenUpTo: Int64) {
        orders.withLockedValue { ($0.epoch, $0.forgottenUpTo) = (epoch, forgottenUpTo) }
        pool.start()
        pool.submit { state in if state == .active { self.run(epoch) } }
    }

    /// Reports that the eviction of tasks that ended by then is durable; milliseconds since 1970. Thread-safe.
    func forget(upTo time: Int64) { orders.withLockedValue { $0.forgottenUpTo = max($0.forgottenUpTo, time) } }

    /// Stops after the statement under way; `close` waits for that.
    func stop() {
        orders.withLockedValue { $0.isClosing = true }
        wake.lock()
        wake.unlock(withValue: true)
    }

    func close() async {
        stop()
        try? await pool.shutdownGracefully()
    }

    // MARK: On the mover's thread

    private func run(_ epoch: Int) {
        var walk: HistoryWalk?
        var backoff = Backoff(milliseconds: 500...10_000)
        while true {
            let now = orders.withLockedValue { $0 }
            if now.isClosing { return }
            var rest: Int
            do throws(PGError) {
                if walk == nil {
                    walk = HistoryWalk(connection: try connected(), epoch: epoch, retention: retention, logger: logger)
                }
                rest = try walk?.step(forgottenUpTo: now.forgottenUpTo) ?? 0
                backoff.reset()
            } catch {
                if error.isLeadLost { return }
                if error.isConnectionLost { walk = nil }
                logger.warning("PostgreSQL: history", metadata: ["error": "\(error)"])
                rest = Int(backoff.nextMilliseconds(jitter: .random(in: 0..<1)))
            }
            pause(milliseconds: rest)
        }
    }

    private func connected() throws(PGError) -> PGConnection {
        // Statistics may date from when the table was small: the walk must never sort it.
        try PGConnection(
            url,
            statementMilliseconds: Self.statementMilliseconds,
            settings: [("enable_seqscan", "off")]
        )
    }

    /// Blocks the mover's own thread for this long, or until it is to stop.
    private func pause(milliseconds: Int) {
        if wake.lock(whenValue: true, timeoutSeconds: Double(milliseconds) / 1_000) { wake.unlock(withValue: true) }
    }
}
