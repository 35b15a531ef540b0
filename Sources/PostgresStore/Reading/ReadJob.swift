import NIOConcurrencyHelpers
import NIOCore
import PodlingCore
import PodlingStore

/// One query of the pool, which is answered once: by the thread that has sent it, or by whoever gave it up before.
final class ReadJob: Sendable {
    private enum Stage {
        case waiting
        case sent
        case givenUp
    }

    let query: StoreQuery
    /// It finds out whether a replica that was away is back.
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

    /// Whether there is no time left to send it, or to send it once more.
    var isLate: Bool { NIODeadline.now() >= deadline }

    /// Claims the query for its thread.
    /// - Returns: false where it has been given up.
    func send() -> Bool {
        stage.withLockedValue { stage in
            guard stage != .givenUp else { return false }
            stage = .sent
            return true
        }
    }

    /// - Returns: false where its thread has it.
    func giveUp() -> Bool {
        stage.withLockedValue { stage in
            guard stage == .waiting else { return false }
            stage = .givenUp
            return true
        }
    }
}
