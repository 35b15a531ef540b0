/// Runs work that SIGINT and SIGTERM cancel, so that it can clean up; a second signal ends the program at once.
enum Interruptible {
    static func run<T: Sendable>(_ work: @escaping @Sendable () async throws -> T) async throws -> T {
        let interrupts = await Interrupts.stream()
        let task = Task { try await work() }
        let watcher = Task {
            var count = 0
            for await _ in interrupts {
                count += 1
                task.cancel()
                if count > 1 { Console.leave(ExitStatus.cancelled) }
            }
        }
        defer { watcher.cancel() }
        return try await task.value
    }
}
