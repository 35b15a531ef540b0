import Dispatch
import Glibc
import LoadSupport
import Synchronization

/// A client that pings, one that cancels what piles up, and a worker that beats and runs what it is given: on a thread of
/// their own. Their first fault is kept.
final class HealthyPeers: Sendable {
    private static let startSeconds = 20.0
    private static let endSeconds = 25.0

    struct State {
        var pings = Latencies(capacity: 100_000)
        var beats = 0
        var tasksRun = 0
        var cancelled = 0
        var pending = 0
        var fault: String?
        var isReady = false
        var isAskedToEnd = false
        var hasEnded = false
    }

    private let address: String
    private let tlsRootFile: String
    let state = Mutex(State())

    init(address: String, tlsRootFile: String) {
        self.address = address
        self.tlsRootFile = tlsRootFile
    }

    var pendingTasks: Int { state.withLock { $0.pending } }

    var text: String {
        state.withLock { state in
            func milliseconds(_ share: Double) -> String {
                let value = state.pings.percentileMicroseconds(share) / 1_000
                return value.isFinite ? "\((value * 10).rounded() / 10)ms" : "none"
            }
            return "pings=\(state.pings.count) ping-p50=\(milliseconds(0.5)) ping-p99=\(milliseconds(0.99)) "
                + "ping-max=\(milliseconds(1)) heartbeats=\(state.beats) tasks-run=\(state.tasksRun) "
                + "tasks-cancelled=\(state.cancelled)"
        }
    }

    /// Returns once the worker is registered.
    func start() throws(LoadFailure) {
        DispatchQueue(label: "podling.fuzz.healthy").async {
            do throws(LoadFailure) {
                let client = self.tlsRootFile.isEmpty ? nil : try TLSClient(rootFile: self.tlsRootFile)
                let run = try HealthyRun(self, self.address, client)
                while try run.turn() {}
            } catch {
                self.state.withLock { $0.fault = error.description }
            }
            self.state.withLock { $0.hasEnded = true }
        }
        try wait(seconds: Self.startSeconds, "were not greeted") { $0.isReady }
    }

    /// Throws what went wrong with them.
    func check() throws(LoadFailure) {
        if let fault = state.withLock({ $0.fault }) { throw LoadFailure(fault) }
    }

    /// Waits until the last answers are there.
    func end() throws(LoadFailure) {
        state.withLock { $0.isAskedToEnd = true }
        try wait(seconds: Self.endSeconds, "do not end") { $0.hasEnded }
        try check()
    }

    private func wait(seconds: Double, _ fault: String, _ isDone: (State) -> Bool) throws(LoadFailure) {
        let pollMicroseconds: UInt32 = 5_000
        let deadline = nanosecondsNow() + nanoseconds(seconds)
        while !state.withLock({ isDone($0) }) {
            try check()
            guard nanosecondsNow() < deadline else { throw LoadFailure("the healthy peers \(fault)") }
            usleep(pollMicroseconds)
        }
    }
}
