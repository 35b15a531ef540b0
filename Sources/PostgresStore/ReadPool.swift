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
    }

    private static let connections = 2
    /// Queries that wait or run.
    private static let waitingMax = 1_000
    private static let statementMilliseconds = 20_000

    private let url: String
    private let pool = NIOThreadPool(numberOfThreads: connections)
    private let state = NIOLockedValueBox(State())

    /// The variable that gave the URL.
    private let variable: String

    init(url: String, variable: String = "DATABASE_URL") {
        self.url = url
        self.variable = variable
    }

    func start() { pool.start() }

    func read(_ query: StoreQuery, done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void) {
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
                result = .success(try self.found(query))
            } catch {
                let words = error.description.replacing("DATABASE_URL", with: self.variable)
                result = .failure(StoreError("by \(self.variable): \(words)"))
            }
            self.state.withLockedValue { $0.waitingCount -= 1 }
            done(result)
        }
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
