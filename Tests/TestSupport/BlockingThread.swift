import Dispatch
import Synchronization

/// Runs blocking code away from Swift's cooperative threads. It stays part of the calling task, so that what it
/// expects belongs to the running test.
public func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withTaskExecutorPreference(ThreadExecutor.shared) { try body() }
}

/// Gives each job a serial queue, and so a thread, of its own: the global queue's few threads also run Swift's tasks.
///
/// Not many at once: each starts programs, and hundreds that start together outlast each other's deadlines.
private final class ThreadExecutor: TaskExecutor {
    static let shared = ThreadExecutor()
    private static let jobsMax = 24

    private let state = Mutex<(running: Int, waiting: [UnownedJob])>((0, []))

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mayRun = state.withLock { state in
            guard state.running >= Self.jobsMax else {
                state.running += 1
                return true
            }
            state.waiting.append(job)
            return false
        }
        if mayRun { run(job) }
    }

    private func run(_ job: UnownedJob) {
        DispatchQueue(label: "podling.test").async {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
            let next = self.state.withLock { state in
                if state.waiting.isEmpty {
                    state.running -= 1
                    return nil as UnownedJob?
                }
                return state.waiting.removeFirst()
            }
            if let next { self.run(next) }
        }
    }
}
