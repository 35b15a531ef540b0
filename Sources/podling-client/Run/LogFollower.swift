import PodlingClient

/// Prints the output of a task's attempts, over lost connections too.
struct LogFollower {
    private static let pollMilliseconds = 500

    private let link: MasterLink
    private let taskId: String
    private let isFollowing: Bool
    private let activity: OutputActivity
    private var resume: LogResume
    private var printer: LogPrinter

    init(
        link: MasterLink,
        taskId: String,
        tailBytes: Int,
        isFollowing: Bool,
        isRaw: Bool,
        activity: OutputActivity
    ) {
        self.link = link
        self.taskId = taskId
        self.isFollowing = isFollowing
        self.activity = activity
        resume = LogResume(tailBytes: tailBytes)
        printer = LogPrinter(isRaw: isRaw)
    }

    /// Prints the output of the latest attempt, to its end where it is followed.
    ///
    /// - Throws: `PodlingError`, `ClientError`, `BrokenPipe`.
    mutating func printAttempt() async throws -> LogEnd {
        while true {
            let (taskId, tailBytes, isFollowing) = (taskId, resume.tailBytes, isFollowing)
            let (attempt, events) = try await link.perform { client in
                try await client.logs(taskId: taskId, tailBytes: tailBytes, isFollowing: isFollowing)
            }
            resume.begin(attempt: attempt)
            do {
                if let end = try await printEvents(events) { return end }
                try Task.checkCancellation()
                throw ClientError.badReply("logs ended without log_end")
            } catch  where MasterLink.mayPass(error) {
                continue
            }
        }
    }

    /// Prints the output of every attempt until the task has ended. What cannot be had is told and gone past:
    /// whether the task is well is for `wait` to say.
    ///
    /// - Throws: `BrokenPipe`, `CancellationError`.
    mutating func printTask() async throws {
        while true {
            do {
                let end = try await printAttempt()
                if let error = end.error { Console.note("output of attempt \(end.attempt) is not to be had: \(error)") }
                if try await hasEnded(after: end) { return }
            } catch let error as PodlingError {
                Console.note("output of task \(taskId) is not to be had: \(error)")
                if !error.isRetryable { return }
            } catch let error as ClientError {
                Console.note("output of task \(taskId) is not to be had: \(error)")
                return
            }
            try await Task.sleep(for: .milliseconds(Self.pollMilliseconds))
        }
    }

    private mutating func printEvents(_ events: Subscription<LogEvent>) async throws -> LogEnd? {
        for try await event in events {
            switch event {
            case .output(let stream, let bytes):
                activity.beganPrinting()
                try printer.print(stream, resume.append(stream, bytes))
                activity.endedPrinting()
            case .end(let end):
                resume.end()
                try printer.finish()
                noteDoubt()
                if end.droppedBytes > 0 {
                    Console.note("\(end.droppedBytes) bytes of output were left out: this reader was too slow")
                }
                return end
            }
            noteDoubt()
        }
        return nil
    }

    private mutating func noteDoubt() {
        guard resume.isDoubtful else { return }
        resume.isDoubtful = false
        Console.note("the connection was lost: output may be missing or repeated here")
    }

    /// Waits until there is another attempt, or none to come.
    private func hasEnded(after end: LogEnd) async throws -> Bool {
        while true {
            let task = try await link.perform { [taskId] client in try await client.get(taskId: taskId) }
            if task.attempt > end.attempt { return false }
            if task.hasEnded { return true }
            // The output broke off, the attempt did not: ask for the rest.
            if end.error != nil, task.status == "running" { return false }
            try await Task.sleep(for: .milliseconds(Self.pollMilliseconds))
        }
    }
}
