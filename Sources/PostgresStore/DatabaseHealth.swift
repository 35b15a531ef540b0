import Logging
import NIOConcurrencyHelpers
import PodlingCore

/// The durability settings of the server, which decide whether a commit survives.
struct DurabilitySettings: Equatable {
    var synchronousCommit = "on"
    var synchronousStandbys = ""
    var fsync = "on"

    /// The columns that `init` reads.
    static let columns = """
        current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), current_setting('fsync')
        """

    init() {}

    init(_ result: PGResult, _ column: Int) {
        synchronousCommit = result.text(0, column) ?? ""
        synchronousStandbys = result.text(0, column + 1) ?? ""
        fsync = result.text(0, column + 2) ?? ""
    }

    /// - Parameter hadStandby: whether commits waited for a synchronous standby before.
    func warnings(hadStandby: Bool) -> [String] {
        var warnings: [String] = []
        if ["off", "local", "remote_write"].contains(synchronousCommit) {
            warnings.append(
                "synchronous_commit is \(synchronousCommit) for this user, database or server: each transaction of this "
                    + "master asks for on by itself, other programs' do not"
            )
        }
        if fsync == "off" {
            warnings.append("fsync is off: what is acknowledged may be gone once the database's machine fails")
        }
        if hadStandby, synchronousStandbys.isEmpty {
            warnings.append(
                "synchronous_standby_names is empty, and was not: what is acknowledged now is on one server only"
            )
        }
        return warnings
    }
}

/// The state of the database for an administrator. Thread-safe.
package final class DatabaseHealth: Sendable {
    private struct State {
        var hadStandby = false
        var settings: [String] = []
        var lossCount = 0
        var loss: String?
    }

    private let state = NIOLockedValueBox(State())
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    /// Logs each warning once, when it begins and when it ends.
    func take(_ settings: DurabilitySettings) {
        let (new, gone) = state.withLockedValue { state in
            if !settings.synchronousStandbys.isEmpty { state.hadStandby = true }
            let now = settings.warnings(hadStandby: state.hadStandby)
            defer { state.settings = now }
            return (now.filter { !state.settings.contains($0) }, state.settings.filter { !now.contains($0) })
        }
        for warning in new { logger.warning("PostgreSQL: \(warning)") }
        for warning in gone { logger.notice("PostgreSQL: no longer so: \(warning)") }
    }

    /// Records that the database came back without rows that it had acknowledged.
    func lost(_ words: String) {
        state.withLockedValue { state in
            state.lossCount += 1
            state.loss = words
        }
    }

    /// Records the outcome of the repair.
    func settled(_ words: String) { state.withLockedValue { $0.loss = words } }

    var health: StoreHealth {
        state.withLockedValue { state in
            StoreHealth(lossCount: state.lossCount, warnings: state.settings + (state.loss.map { [$0] } ?? []))
        }
    }
}
