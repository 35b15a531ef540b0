import Synchronization

/// How much more output a reader takes: it is sent a window of bytes ahead of what the master says has been taken.
final class LogCredit: Sendable {
    private struct State {
        var sentBytes = 0
        var takenBytes = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let windowBytes: Int?
    private let state = Mutex(State())

    /// - Parameter windowBytes: nil where the master names none: there is no bound then.
    init(windowBytes: Int?) { self.windowBytes = windowBytes }

    /// Returns when so many bytes may be sent. To be called by one task at a time.
    /// - Throws: `CancellationError`.
    func take(_ bytes: Int) async throws {
        while !state.withLock({ takes(bytes, &$0) }) {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        guard !Task.isCancelled, !hasRoom(bytes, state) else { return true }
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
        state.withLock { $0.takenBytes = max($0.takenBytes, takenBytes) }
        wake()
    }

    private func takes(_ bytes: Int, _ state: inout State) -> Bool {
        guard hasRoom(bytes, state) else { return false }
        state.sentBytes += bytes
        return true
    }

    /// What is larger than the window goes when nothing else is under way.
    private func hasRoom(_ bytes: Int, _ state: State) -> Bool {
        guard let windowBytes else { return true }
        let ahead = state.sentBytes - state.takenBytes
        return ahead <= 0 || bytes <= windowBytes - ahead
    }

    private func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
