import PodlingClient

/// Follows a task to its end: prints its output, and cancels it on an interrupt.
struct TaskFollower {
    /// Once the task is terminal, silence of this length ends the wait for the rest of its output.
    static let outputGraceSeconds = 5

    let link: MasterLink
    let taskId: String
    let isRaw: Bool
    let isQuiet: Bool

    private enum Step {
        case ended(TaskView)
        case outputEnded
        case outputOverdue
        case left
    }

    /// - Parameter interrupts: the first cancels the task, the second exits at once.
    /// - Returns: the exit status.
    func run(interrupts: AsyncStream<Void>) async throws -> Int32 {
        let activity = OutputActivity()
        return try await withThrowingTaskGroup(of: Step.self) { group in
            defer { group.cancelAll() }
            group.addTask { .ended(try await link.perform { try await $0.wait(taskId: taskId) }) }
            group.addTask {
                var follower = LogFollower(
                    link: link,
                    taskId: taskId,
                    tailBytes: nil,
                    isFollowing: true,
                    isRaw: isRaw,
                    activity: activity
                )
                try await follower.printTask()
                return .outputEnded
            }
            group.addTask { await obey(interrupts) }
            var ended: TaskView?
            var hasOutputEnded = false
            while let step = try await group.next() {
                switch step {
                case .ended(let task):
                    ended = task
                    group.addTask {
                        try await activity.waitUntilSilent(seconds: Self.outputGraceSeconds)
                        return .outputOverdue
                    }
                case .outputEnded: hasOutputEnded = true
                case .outputOverdue:
                    Console.note("the rest of the output is not to be had: the node does not send it")
                    hasOutputEnded = true
                case .left: return ExitStatus.cancelled
                }
                if let ended, hasOutputEnded { return finish(ended) }
            }
            return ExitStatus.infrastructure
        }
    }

    private func finish(_ task: TaskView) -> Int32 {
        if !isQuiet, let note = Self.note(task) { Console.note(note) }
        return ExitStatus.of(task)
    }

    /// A remark on an end that the exit status alone does not explain.
    static func note(_ task: TaskView) -> String? {
        if task.status == "completed" { return nil }
        if task.reason == "exit_code", task.error == nil { return nil }
        let why = TaskText.why(task)
        return "task \(task.taskId) \(task.status)" + (why.isEmpty ? "" : ": \(why)")
    }

    private func obey(_ interrupts: AsyncStream<Void>) async -> Step {
        var cancelling: Task<Void, Never>?
        for await _ in interrupts {
            guard cancelling == nil else { break }
            if !isQuiet { Console.note("cancelling task \(taskId); interrupt again to leave at once") }
            cancelling = Task {
                do {
                    _ = try await link.perform { try await $0.cancel(taskId: taskId) }
                } catch is CancellationError {
                    return
                } catch {
                    Console.note("task \(taskId) could not be cancelled: \(error)")
                }
            }
        }
        cancelling?.cancel()
        return .left
    }
}
