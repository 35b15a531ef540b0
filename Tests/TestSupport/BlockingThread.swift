import Dispatch

/// Runs blocking code away from Swift's cooperative threads. It stays part of the calling task, so that what it
/// expects belongs to the running test.
public func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withTaskExecutorPreference(ThreadExecutor.shared) { try body() }
}

/// Gives each job a serial queue, and so a thread, of its own: the global queue's few threads also run Swift's tasks.
private final class ThreadExecutor: TaskExecutor {
    static let shared = ThreadExecutor()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        DispatchQueue(label: "podling.test").async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
