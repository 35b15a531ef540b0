import PodlingAgent
import Synchronization

/// Lets whoever sends output wait until there is room in the reader's window.
final class LogCredit: Sendable {
    private struct State {
        var window: LogWindow
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    /// - Parameter windowBytes: nil where the master names none: there is no bound then.
    init(windowBytes: Int?) { state = Mutex(State(window: LogWindow(windowBytes: windowBytes))) }

    /// Returns when so many bytes may be sent. To be called by one task at a time.
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

    /// The reader has taken so many bytes since the beginning.
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
