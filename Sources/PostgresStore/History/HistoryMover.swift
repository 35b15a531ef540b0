import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PodlingProtocol

/// Moves ended tasks that the master has forgotten from `tasks` into `task_history`, and drops months of it that are
/// old; in the master that leads only.
///
/// It has a thread and a connection of its own, and rests for most of the time: it is in nobody's way, and being late
/// costs nothing, since whoever reads looks at both tables. It is told of forgotten tasks once that is durable: a
/// transaction that is run again brings none of them back.
final class HistoryMover: Sendable {
    struct Pace: Sendable {
        /// Rows looked at in one statement.
        var rows = 1_000
        /// It rests for so many times as long as a page took; longer where hardly anything was to be moved, as among a
        /// million tasks that wait.
        var restFactor = 4
        var restFactorWhereLittle = 19
        /// A page has little to be moved below one row in so many.
        var littleShare = 20
        var restMillisecondsMin = 20
        /// From the end of the table to the next walk.
        var roundMilliseconds = 2_000
        /// Between looks for months that are old.
        var dropMilliseconds = 3_600_000
        /// The same where a lock was not had.
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

    /// Begins; this master leads in that epoch.
    func start(epoch: Int, forgottenUpTo: Int64) {
        orders.withLockedValue { ($0.epoch, $0.forgottenUpTo) = (epoch, forgottenUpTo) }
        pool.start()
        pool.submit { state in if state == .active { self.run(epoch) } }
    }

    /// What ended by then was forgotten, and that is durable; milliseconds since 1970. Any thread may call it.
    func forget(upTo time: Int64) { orders.withLockedValue { $0.forgottenUpTo = max($0.forgottenUpTo, time) } }

    /// Lets the statement that is under way end, and waits for it where `close` is awaited.
    func stop() {
        orders.withLockedValue { $0.isClosing = true }
        wake.lock()
        wake.unlock(withValue: true)
    }

    func close() async {
        stop()
        try? await pool.shutdownGracefully()
    }

    // MARK: On the thread

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
        // Statistics may be of a time when the table was small: the walk never sorts it.
        try PGConnection(
            url,
            statementMilliseconds: Self.statementMilliseconds,
            settings: [("enable_seqscan", "off")]
        )
    }

    /// Blocks the mover's own thread, until it is to end or for so long.
    private func pause(milliseconds: Int) {
        if wake.lock(whenValue: true, timeoutSeconds: Double(milliseconds) / 1_000) { wake.unlock(withValue: true) }
    }
}
