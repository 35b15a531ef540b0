import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOPosix
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
    /// Queries that wait or run.
    private static let waitingMax = 1_000
    private static let statementMilliseconds = 20_000
    /// How long a replica that could not be read is left alone.
    private static let awaySeconds = 10
    private static let queryCancelled = "57014"

    private let url: String
    private let pool = NIOThreadPool(numberOfThreads: connections)
    private let state = NIOLockedValueBox(State())

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
                _ = try self.found(.nodes(cursor: nil, limit: 1))
            } catch {
                self.failed(error)
            }
        }
    }

    /// What cannot be read from a replica, or is not there yet, is read from the fallback.
    func read(_ query: StoreQuery, done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void) {
        if let fallback, isAway { return fallback.read(query, done: done) }
        let isTaken = state.withLockedValue { state in
            guard state.waitingCount < Self.waitingMax else { return false }
            state.waitingCount += 1
            return true
        }
        guard isTaken else { return done(.failure(StoreError("\(Self.waitingMax) reads wait already"))) }
        pool.submit { poolState in
            let result: Result<StorePage, StoreError>
            do throws(PGError) {
                guard poolState == .active else { throw PGError(message: "the store is closed") }
                let page = try self.found(query)
                if let fallback = self.fallback, case .task = query, page.tasks.isEmpty {
                    self.state.withLockedValue { $0.waitingCount -= 1 }
                    return fallback.read(query, done: done)
                }
                result = .success(page)
            } catch {
                // A query that took too long would do so there as well.
                if let fallback = self.fallback, poolState == .active, error.sqlState != Self.queryCancelled {
                    self.failed(error)
                    self.state.withLockedValue { $0.waitingCount -= 1 }
                    return fallback.read(query, done: done)
                }
                result = .failure(StoreError("by \(self.variable): \(self.words(error))"))
            }
            self.state.withLockedValue { $0.waitingCount -= 1 }
            done(result)
        }
    }

    private func words(_ error: PGError) -> String {
        error.description.replacing("DATABASE_URL", with: variable)
    }

    // MARK: A replica that is away

    private var isAway: Bool {
        state.withLockedValue { $0.awayUntil }.map { Self.seconds() < $0 } ?? false
    }

    private func failed(_ error: PGError) {
        let wasAway = state.withLockedValue { state in
            defer { state.awayUntil = Self.seconds() + Self.awaySeconds }
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

    private static func seconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec
    }

    func close() async {
        try? await pool.shutdownGracefully()
        state.withLockedValue { $0.idle = [] }
    }

    /// A connection that was cut while nobody used it is made again, once.
    private func found(_ query: StoreQuery) throws(PGError) -> StorePage {
        if let box = state.withLockedValue({ $0.idle.popLast() }) {
            do throws(PGError) {
                return try found(query, box)
            } catch {
                guard error.isConnectionLost else { throw error }
            }
        }
        let connection = try PGConnection(url, statementMilliseconds: Self.statementMilliseconds)
        // Not as the session begins: libpq would take the server for a standby, where the URL wants another.
        if connection.ownsSession { try connection.execute("SET default_transaction_read_only = on") }
        return try found(query, PGConnectionBox(connection))
    }

    private func found(_ query: StoreQuery, _ box: PGConnectionBox) throws(PGError) -> StorePage {
        let page = try TaskReader(connection: box.connection).page(query)
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
