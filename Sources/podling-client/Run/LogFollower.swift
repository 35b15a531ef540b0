import PodlingClient

/// Prints the output of a task's attempts, across lost connections and temporarily unavailable workers and engines.
struct LogFollower {
    private static let pollMilliseconds = 500
    /// How long to retry output that was cut off, without receiving a byte of it.
    private static let silenceSecondsMax = 60

    private let link: MasterLink
    private let taskId: String
    private let isFollowing: Bool
    private let activity: OutputActivity
    private var resume: LogResume
    private var printer: LogPrinter

    /// - Parameter tailBytes: nil is all of the output.
    init(
        link: MasterLink,
        taskId: String,
        tailBytes: Int?,
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

    /// Bytes printed of the latest attempt.
    var printedBytes: Int { resume.printedBytes }

    /// Prints the output of the latest attempt; where it is followed, to its end.
    ///
    /// - Throws: `PodlingError`, `ClientError`, `BrokenPipe`.
    mutating func printAttempt() async throws -> LogEnd {
        var brokeOff: LogEnd?
        var giveUpAt = ContinuousClock.now + .seconds(Self.silenceSecondsMax)
        while true {
            let events: Subscription<LogEvent>
            do {
                let (taskId, wish, isFollowing) = (taskId, resume.wish, isFollowing)
                let attempt: Int
                (attempt, events) = try await link.perform { client in
                    switch wish {
                    case .from(let place):
                        try await client.logs(taskId: taskId, from: place, isFollowing: isFollowing)
                    case .tail(let bytes):
                        try await client.logs(taskId: taskId, tailBytes: bytes, isFollowing: isFollowing)
                    }
                }
                // The output that was cut off was that of an earlier attempt.
                if let brokeOff, attempt > brokeOff.attempt, brokeOff.attempt > 0 { return brokeOff }
                resume.begin(attempt: attempt)
                let before = resume.printed
                let end = try await printEvents(events)
                try Task.checkCancellation()
                guard let end else { throw ClientError.badReply("logs ended without log_end") }
                guard isFollowing, let error = end.error, error.isRetryable else { return end }
                if resume.printed != before { giveUpAt = .now + .seconds(Self.silenceSecondsMax) }
                guard ContinuousClock.now < giveUpAt else { return end }
                if brokeOff == nil { Console.note("the output broke off, and is asked for again: \(error)") }
                brokeOff = end
            } catch  where MasterLink.mayPass(error) && ContinuousClock.now < giveUpAt {
                // The connection to the master was lost.
            }
            try await Task.sleep(for: .milliseconds(Self.pollMilliseconds))
        }
    }

    /// Prints the output of every attempt until the task is terminal. Unavailable output is reported and skipped:
    /// whether the task succeeded is for `wait` to decide.
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
            noteDoubt()
            switch event {
            case .output(let stream, let bytes):
                activity.beganPrinting()
                try printer.print(stream, bytes[...])
                activity.endedPrinting()
                resume.printed(stream, bytes.count)
            case .end(let end):
                try printer.finish()
                for note in Self.notes(end) { Console.note(note) }
                return end
            }
        }
        return nil
    }

    /// Remarks on output that is missing.
    private static func notes(_ end: LogEnd) -> [String] {
        var notes: [String] = []
        if end.droppedBytes > 0 {
            notes.append(
                "\(end.droppedBytes) bytes of output were left out: they were read too slowly, or are kept no more"
            )
        }
        if end.hasGap { notes.append("some output was left out: the node kept no more of it, nor how much it was") }
        return notes
    }

    private mutating func noteDoubt() {
        guard resume.isDoubtful else { return }
        resume.isDoubtful = false
        Console.note("the connection was lost: output may be missing here")
    }

    /// Waits until there is another attempt, or certainly none to come.
    private func hasEnded(after end: LogEnd) async throws -> Bool {
        while true {
            let task = try await link.perform { [taskId] client in try await client.get(taskId: taskId) }
            if task.attempt > end.attempt { return false }
            if task.hasEnded { return true }
            // The output was cut off, not the attempt: request the rest.
            if end.error != nil, task.status == "running" { return false }
            try await Task.sleep(for: .milliseconds(Self.pollMilliseconds))
        }
    }
}
