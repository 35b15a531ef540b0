import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import PodlingClock
import PodlingCore
import PodlingStore

/// A pool of threads and connections for queries beyond what the master holds, separate from the writer's connection.
final class ReadPool: Sendable {
    private struct State {
        var idle: [PGConnectionBox] = []
        var waitingCount = 0
        /// Monotonic seconds until which no query is sent here; nil where the last answer was good.
        var awayUntil: Int?
    }

    private static let connections = 2
    /// Queries that wait or run, and abandoned ones that a thread has still to skip.
    private static let waitingMax = 1_000
    private static let statementMilliseconds = 20_000
    /// Latest time after `read` at which a query is sent: one that still waits for a thread or a connection then is
    /// abandoned.
    private static let sendTime = TimeAmount.seconds(5)
    /// Defaults that the URL overrides: a server behind a dead network is abandoned in time for the query.
    private static let connectionDefaults = [("connect_timeout", "4"), ("tcp_user_timeout", "5000")]
    /// How long a replica that failed is left alone.
    private static let awayMilliseconds = 10_000
    private static let queryCancelled = "57014"

    private let url: String
    private let pool = NIOThreadPool(numberOfThreads: connections)
    private let state = NIOLockedValueBox(State())
    /// The pool's threads block in libpq, and cannot keep a deadline for the queries behind them.
    private let timers = MultiThreadedEventLoopGroup.singleton.next()

    /// The name of the variable that gave the URL.
    private let variable: String
    /// The fallback of a replica's pool: the primary's.
    private let fallback: ReadPool?
    private let logger: Logger

    init(url: String, variable: String = "DATABASE_URL", fallback: ReadPool? = nil, logger: Logger) {
        self.url = url
        self.variable = variable
        self.fallback = fallback
        self.logger = logger
    }

    func start() { pool.start() }

    /// Probes the server in the background at start; logs a warning if it cannot be read.
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

    /// Queries this pool, and the fallback for what the replica cannot answer or does not have yet.
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

    /// Runs a query on a thread of the pool.
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
            // A query that was abandoned while its connection was made has its answer.
            guard job.send() else { return }
            guard isActive else { return job.done(.failure(StoreError(error.message))) }
            answerElsewhere(job, error)
        }
    }

    private func answerElsewhere(_ job: ReadJob, _ error: PGError) {
        // A query that timed out would do so there as well.
        if let fallback, error.sqlState != Self.queryCancelled { return fallback.read(job.query, done: job.done) }
        job.done(.failure(StoreError("by \(variable): \(words(error))")))
    }

    private func words(_ error: PGError) -> String {
        error.description.replacing("DATABASE_URL", with: variable)
    }

    // MARK: An unreachable replica

    private enum Way {
        case here
        case elsewhere
        /// Here, one query at a time: the others do not wait for its outcome.
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

    /// Runs the query; a connection that was cut while idle is remade, once.
    /// - Returns: nil for a query that was abandoned.
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
        // Not as a start-up option: libpq would take the server for a standby, where the URL wants another.
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

/// A connection in transit between threads.
///
/// Sendable by libpq's guarantee that a connection may be used by any thread, one at a time (PostgreSQL manual, 34.20):
/// it is taken out of the pool by the thread that uses it.
final class PGConnectionBox: @unchecked Sendable {
    let connection: PGConnection

    init(_ connection: PGConnection) { self.connection = connection }
}
