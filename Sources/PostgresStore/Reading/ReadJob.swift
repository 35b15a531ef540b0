import NIOConcurrencyHelpers
import NIOCore
import PodlingCore
import PodlingStore

/// One query of the pool, answered exactly once: by the thread that has sent it, or by whoever abandons it before.
final class ReadJob: Sendable {
    private enum Stage {
        case waiting
        case sent
        case givenUp
    }

    let query: StoreQuery
    /// Whether it probes a replica that was unreachable.
    let isProbe: Bool
    let done: @Sendable (Result<StorePage, StoreError>) -> Void
    private let deadline: NIODeadline
    private let stage = NIOLockedValueBox(Stage.waiting)

    init(
        _ query: StoreQuery,
        isProbe: Bool = false,
        by deadline: NIODeadline = .distantFuture,
        done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void = { _ in }
    ) {
        self.query = query
        self.isProbe = isProbe
        self.deadline = deadline
        self.done = done
    }

    var isGivenUp: Bool { stage.withLockedValue { $0 == .givenUp } }

    /// Whether its deadline has passed, so that it is neither sent nor retried.
    var isLate: Bool { NIODeadline.now() >= deadline }

    /// Claims the query for its thread.
    /// - Returns: false where it has been abandoned.
    func send() -> Bool {
        stage.withLockedValue { stage in
            guard stage != .givenUp else { return false }
            stage = .sent
            return true
        }
    }

    /// Abandons the query.
    /// - Returns: false where its thread has claimed it.
    func giveUp() -> Bool {
        stage.withLockedValue { stage in
            guard stage == .waiting else { return false }
            stage = .givenUp
            return true
        }
    }
}
