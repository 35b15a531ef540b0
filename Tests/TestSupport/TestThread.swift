import Dispatch
import Synchronization

/// Runs blocking code next to the test, on a thread of its own.
public final class TestThread: Sendable {
    private let outcome = Mutex<Result<Void, any Error>?>(nil)
    private let isOver = DispatchSemaphore(value: 0)

    public init(_ body: @escaping @Sendable () throws -> Void) {
        DispatchQueue(label: "podling.test.thread").async {
            let result = Result { try body() }
            self.outcome.withLock { $0 = result }
            self.isOver.signal()
        }
    }

    public var hasEnded: Bool { outcome.withLock { $0 != nil } }

    /// Waits for its end, and throws what it threw.
    public func join(seconds: Double) throws {
        guard isOver.wait(timeout: .now() + seconds) == .success else {
            throw TestSupportError("not over within \(seconds) s")
        }
        isOver.signal()
        try outcome.withLock { $0 }?.get()
    }
}
