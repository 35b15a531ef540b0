import Synchronization

/// Tracks the time of the last output, to distinguish slow from silent. A blocking write counts as activity.
final class OutputActivity: Sendable {
    private static let pollMilliseconds = 200

    private let state = Mutex<(isPrinting: Bool, last: ContinuousClock.Instant)>((false, .now))

    func beganPrinting() { state.withLock { $0.isPrinting = true } }

    func endedPrinting() { state.withLock { $0 = (false, .now) } }

    /// Returns after this much silence, counted from now at the earliest.
    func waitUntilSilent(seconds: Int) async throws {
        let start = ContinuousClock.now
        while true {
            let (isPrinting, last) = state.withLock { $0 }
            if !isPrinting, max(start, last).duration(to: .now) >= .seconds(seconds) { return }
            try await Task.sleep(for: .milliseconds(Self.pollMilliseconds))
        }
    }
}
