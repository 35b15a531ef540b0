import ArgumentParser
import PodlingClient

struct LogsCommand: AsyncParsableCommand {
    /// A node that sends nothing for so long, and no end either, will not.
    private static let silenceSecondsMax = 15

    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Write the output of a task's latest attempt."
    )

    @OptionGroup var connection: ConnectionOptions

    @Flag(name: [.short, .long], help: "Go on until the attempt ends.")
    var follow = false

    @Option(
        name: .long,
        help: ArgumentHelp("How much from the end, or all (that is 1 MiB).", valueName: "bytes"),
        transform: Self.tailBytes
    )
    var tail = 65_536

    @Flag(name: .long, help: "Write control characters to a terminal as they are.")
    var raw = false

    @Argument(help: "The task's id.", completion: Completions.tasks)
    var task: String

    func run() async throws {
        let activity = OutputActivity()
        let link = try connection.link()
        let end = try await withThrowingTaskGroup(of: LogEnd?.self) { group in
            defer { group.cancelAll() }
            group.addTask { [task, tail, follow, raw] in
                var follower = LogFollower(
                    link: link,
                    taskId: task,
                    tailBytes: tail,
                    isFollowing: follow,
                    isRaw: raw,
                    activity: activity
                )
                return try await follower.printAttempt()
            }
            if !follow {
                group.addTask {
                    try await activity.waitUntilSilent(seconds: Self.silenceSecondsMax)
                    return nil
                }
            }
            return try await group.next() ?? nil
        }
        guard let end else { throw Failure(message: "the output is not to be had: the node does not send it") }
        if let error = end.error { throw Failure(message: "the output is not to be had: \(error)") }
    }

    static func tailBytes(_ text: String) throws -> Int {
        if text == "all" { return LogResume.tailBytesMax }
        guard let bytes = Int(text), (0...LogResume.tailBytesMax).contains(bytes) else {
            throw ValidationError("must be from 0 to \(LogResume.tailBytesMax), or all")
        }
        return bytes
    }
}
