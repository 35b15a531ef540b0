import ArgumentParser
import PodlingClient

struct LogsCommand: AsyncParsableCommand {
    /// Time-out for a node that sends neither output nor an end.
    private static let silenceSecondsMax = 15

    private static let tailBytesDefault = 65_536

    /// The amount of output to show.
    enum Tail: Equatable {
        case all
        case bytes(Int)
    }

    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Write the output of a task's latest attempt."
    )

    @OptionGroup var connection: ConnectionOptions

    @Flag(name: [.short, .long], help: "Go on until the attempt ends.")
    var follow = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How much from the end, up to 1 MiB, or all. Default: 65536, which is said where there is more.",
            valueName: "bytes"
        ),
        transform: Self.tail
    )
    var tail: Tail?

    @Flag(name: .long, help: "Write control characters to a terminal as they are.")
    var raw = false

    @Argument(help: "The task's id.", completion: Completions.tasks)
    var task: String

    func run() async throws {
        let bytes: Int? =
            switch tail {
            case .all: nil
            case .bytes(let bytes): bytes
            case nil: Self.tailBytesDefault
            }
        let activity = OutputActivity()
        let link = try connection.link()
        let result = try await withThrowingTaskGroup(of: (end: LogEnd, printedBytes: Int)?.self) { group in
            defer { group.cancelAll() }
            group.addTask { [task, bytes, follow, raw] in
                var follower = LogFollower(
                    link: link,
                    taskId: task,
                    tailBytes: bytes,
                    isFollowing: follow,
                    isRaw: raw,
                    activity: activity
                )
                let end = try await follower.printAttempt()
                return (end, follower.printedBytes)
            }
            if !follow {
                group.addTask {
                    try await activity.waitUntilSilent(seconds: Self.silenceSecondsMax)
                    return nil
                }
            }
            return try await group.next() ?? nil
        }
        guard let (end, printedBytes) = result else {
            throw Failure(message: "the output is not to be had: the node does not send it")
        }
        if tail == nil, !follow, printedBytes >= Self.tailBytesDefault {
            Console.note("these are the last \(printedBytes) bytes of the output; --tail all writes all of it")
        }
        if let error = end.error { throw Failure(message: "the output is not to be had: \(error)") }
    }

    static func tail(_ text: String) throws -> Tail {
        if text == "all" { return .all }
        guard let bytes = Int(text), (0...LogResume.tailBytesMax).contains(bytes) else {
            throw ValidationError("must be from 0 to \(LogResume.tailBytesMax), or all")
        }
        return .bytes(bytes)
    }
}
