import NIOCore
import OrderedCollections
import Synchronization

/// A bounded pool of concurrent connections to an engine; further requests queue.
final class EngineLane: Sendable {
    private struct State {
        var isShutDown = false
        /// Count of connections, including those being opened.
        var taken = 0
        var nextNumber = 0
        /// Weak references: the reader of a connection owns it.
        var connections: [Int: Weak] = [:]
        var waiters: OrderedDictionary<Int, CheckedContinuation<Void, any Error>> = [:]
        /// Continuations that wait for the last connection to be closed.
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private struct Weak {
        weak var connection: EngineConnection?
    }

    private let connectionsMax: Int
    private let state = Mutex(State())

    init(connectionsMax: Int) { self.connectionsMax = connectionsMax }

    /// Count of connections that have a descriptor or are about to.
    var connectionCount: Int { state.withLock { $0.taken } }

    func connect(socketPath: String) async throws -> EngineConnection {
        try await enter()
        let connection: EngineConnection
        do {
            connection = try await EngineConnection.open(socketPath: socketPath)
        } catch {
            leave(nil)
            throw error
        }
        let number = state.withLock { state in
            state.nextNumber += 1
            state.connections[state.nextNumber] = Weak(connection: connection)
            return state.nextNumber
        }
        connection.closed.whenComplete { [self] _ in leave(number) }
        if state.withLock({ $0.isShutDown }) { connection.close() }
        return connection
    }

    /// Closes all connections, accepts no more, and returns when none has a descriptor any more.
    func shutDown() async {
        let (open, waiters) = state.withLock { state in
            state.isShutDown = true
            defer { state.waiters = [:] }
            return (state.connections.values.compactMap(\.connection), Array(state.waiters.values))
        }
        for waiter in waiters { waiter.resume(throwing: EngineFault.shutDown) }
        for connection in open { connection.close() }
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.taken > 0 { state.closers.append(continuation) }
                return state.taken == 0
            }
            if isEmpty { continuation.resume() }
        }
    }

    private func enter() async throws {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if state.isShutDown { return .failure(EngineFault.shutDown) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guard state.taken < connectionsMax else {
                        state.waiters[number] = continuation
                        return nil
                    }
                    state.taken += 1
                    return .success(())
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(throwing: CancellationError())
        }
    }

    /// Passes the place to the longest waiter.
    private func leave(_ number: Int?) {
        var next: CheckedContinuation<Void, any Error>?
        var closers: [CheckedContinuation<Void, Never>] = []
        state.withLock { state in
            if let number { state.connections[number] = nil }
            if !state.waiters.isEmpty {
                next = state.waiters.removeFirst().value
            } else {
                state.taken -= 1
                if state.taken == 0 { swap(&closers, &state.closers) }
            }
        }
        next?.resume()
        for closer in closers { closer.resume() }
    }
}
