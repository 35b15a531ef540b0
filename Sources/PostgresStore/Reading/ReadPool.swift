import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import PodlingClock
import PodlingCore
import PodlingStore

/// Reads for those who ask for more than the master holds: threads and connections of their own, at the side of the
/// writer's.
final class ReadPool: Sendable {
    private struct State {
        var idle: [PGConnectionBox] = []
        var waitingCount = 0
        /// Monotonic seconds until which nothing is asked here; nil where the last answer was good.
        var awayUntil: Int?
    }

    private static let connections = 2
    /// Queries that wait or run, and those given up that a thread has still to pass over.
    private static let waitingMax = 1_000
    private static let statementMilliseconds = 20_000
    /// How long after `read` a query is sent at the latest: what waits for a thread or a connection then is given up.
    private static let sendTime = TimeAmount.seconds(5)
    /// Unless the URL says otherwise: a server behind a dead network is given up in time for the query.
    private static let connectionDefaults = [("connect_timeout", "4"), ("tcp_user_timeout", "5000")]
    /// How long a replica that could not be read is left alone.
    private static let awayMilliseconds = 10_000
    private static let queryCancelled = "57014"

    private let url: String
    private let pool = NIOThreadPool(numberOfThreads: connections)
    private let state = NIOLockedValueBox(State())
    /// Threads wait in libpq, and cannot keep a deadline for those behind them.
    private let timers = MultiThreadedEventLoopGroup.singleton.next()

    /// The variable that gave the URL.
    private let variable: String
    /// Of a replica: where else the same is found.
    private let fallback: ReadPool?
    private let logger: Logger

    init(url: String, variable: String = "DATABASE_URL", fallback: ReadPool? = nil, logger: Logger) {
        self.url = url
        self.variable = variable
        self.fallback = fallback
        self.logger = logger
    }

    func start() { pool.start() }

    /// Looks whether it can be read at all, beside all else; the log says if not.
    func check() {
        pool.submit { state in
            guard state == .active else { return }
            do throws(PGError) {
                _ = try self.found(ReadJob(.nodes(cursor: nil, limit: 1)))
            } catch {
                self.failed(error)
            }
        }
    }

    /// What cannot be read from a replica, or is not there yet, is read from the fallback.
    func read(_ query: StoreQuery, done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void) {
        let way = fallback == nil ? Way.here : way()
        if let fallback, way == .elsewhere { return fallback.read(query, done: done) }
        let isTaken = state.withLockedValue { state in
            guard state.waitingCount < Self.waitingMax else { return false }
            state.waitingCount += 1
            return true
        }
        guard isTaken else { return done(.failure(StoreError("\(Self.waitingMax) reads wait already"))) }
        let deadline = NIODeadline.now() + Self.sendTime
        let job = ReadJob(query, isProbe: way == .probe, by: deadline, done: done)
        let timeout = timers.scheduleTask(deadline: deadline) {
            if job.giveUp() { self.answerElsewhere(job, PGError(message: "no connection was free or made in time")) }
        }
        pool.submit { poolState in
            self.run(job, isActive: poolState == .active)
            timeout.cancel()
            self.state.withLockedValue { $0.waitingCount -= 1 }
        }
    }

    /// On a thread of the pool.
    private func run(_ job: ReadJob, isActive: Bool) {
        guard !job.isGivenUp else { return }
        if let fallback, isActive, !job.isProbe, isAway {
            if job.send() { fallback.read(job.query, done: job.done) }
            return
        }
        do throws(PGError) {
            guard isActive else { throw PGError(message: "the store is closed") }
            guard let page = try found(job) else { return }
            if let fallback, case .task = job.query, page.tasks.isEmpty {
                return fallback.read(job.query, done: job.done)
            }
            job.done(.success(page))
        } catch {
            if isActive, fallback != nil, error.sqlState != Self.queryCancelled { failed(error) }
            // One that was given up while its connection was made has its answer.
            guard job.send() else { return }
            guard isActive else { return job.done(.failure(StoreError(error.message))) }
            answerElsewhere(job, error)
        }
    }

    private func answerElsewhere(_ job: ReadJob, _ error: PGError) {
        // A query that took too long would do so there as well.
        if let fallback, error.sqlState != Self.queryCancelled { return fallback.read(job.query, done: job.done) }
        job.done(.failure(StoreError("by \(variable): \(words(error))")))
    }

    private func words(_ error: PGError) -> String {
        error.description.replacing("DATABASE_URL", with: variable)
    }

    // MARK: A replica that is away

    private enum Way {
        case here
        case elsewhere
        /// Here, by one query at a time: the others do not wait for what becomes of it.
        case probe
    }

    private func way() -> Way {
        state.withLockedValue { state in
            guard let awayUntil = state.awayUntil else { return .here }
            guard MonotonicClock.milliseconds() >= awayUntil else { return .elsewhere }
            state.awayUntil = MonotonicClock.milliseconds() + Self.awayMilliseconds
            return .probe
        }
    }

    private var isAway: Bool { state.withLockedValue { $0.awayUntil != nil } }

    private func failed(_ error: PGError) {
        let wasAway = state.withLockedValue { state in
            defer { state.awayUntil = MonotonicClock.milliseconds() + Self.awayMilliseconds }
            return state.awayUntil != nil
        }
        guard !wasAway else { return }
        logger.warning(
            "PostgreSQL: \(variable) cannot be read; DATABASE_URL is read instead, until it can",
            metadata: ["error": "\(words(error))"]
        )
    }

    private func answered() {
        let wasAway = state.withLockedValue { state in
            defer { state.awayUntil = nil }
            return state.awayUntil != nil
        }
        if wasAway { logger.notice("PostgreSQL: \(variable) is read again") }
    }

    func close() async {
        try? await pool.shutdownGracefully()
        state.withLockedValue { $0.idle = [] }
    }

    /// A connection that was cut while nobody used it is made again, once.
    /// - Returns: nil for a query that was given up.
    private func found(_ job: ReadJob) throws(PGError) -> StorePage? {
        if let box = state.withLockedValue({ $0.idle.popLast() }) {
            do throws(PGError) {
                return try found(job, box)
            } catch {
                guard error.isConnectionLost, !job.isLate else { throw error }
            }
        }
        let connection = try PGConnection(
            url,
            statementMilliseconds: Self.statementMilliseconds,
            defaults: Self.connectionDefaults
        )
        // Not as the session begins: libpq would take the server for a standby, where the URL wants another.
        if connection.ownsSession { try connection.execute("SET default_transaction_read_only = on") }
        return try found(job, PGConnectionBox(connection))
    }

    private func found(_ job: ReadJob, _ box: PGConnectionBox) throws(PGError) -> StorePage? {
        guard job.send() else {
            state.withLockedValue { $0.idle.append(box) }
            return nil
        }
        let page = try TaskReader(connection: box.connection).page(job.query)
        state.withLockedValue { $0.idle.append(box) }
        answered()
        return page
    }
}

/// A connection on its way between threads.
///
/// Sendable by libpq's guarantee that a connection may be used by any thread, one at a time (PostgreSQL manual, 34.20):
/// it is taken out of the pool by the thread that uses it.
final class PGConnectionBox: @unchecked Sendable {
    let connection: PGConnection

    init(_ connection: PGConnection) { self.connection = connection }
}
