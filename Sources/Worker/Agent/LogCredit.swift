import PodlingAgent
import Synchronization

/// Back-pressure for a sender of output: it waits until the reader's window has capacity.
final class LogCredit: Sendable {
    private struct State {
        var window: LogWindow
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    /// - Parameter windowBytes: nil where the master names none: there is then no bound.
    init(windowBytes: Int?) { state = Mutex(State(window: LogWindow(windowBytes: windowBytes))) }

    /// Waits until this many bytes may be sent. Call it from one task at a time.
    /// - Throws: `CancellationError`.
    func take(_ bytes: Int) async throws {
        while !state.withLock({ $0.window.send(bytes) }) {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        guard !Task.isCancelled, !state.window.hasRoom(bytes) else { return true }
                        state.waiter = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                wake()
            }
            try Task.checkCancellation()
        }
    }

    /// Acknowledges this many bytes since the beginning.
    func grant(upTo takenBytes: Int) {
        state.withLock { $0.window.grant(upTo: takenBytes) }
        wake()
    }

    private func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
