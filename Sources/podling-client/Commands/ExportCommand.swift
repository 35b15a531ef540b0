import ArgumentParser
import PodlingClient

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write all tasks, for import into another store or for keeping.",
        discussion: """
            One task a line, as get shows it, with all that the master and its database
            keep; the last line is a trailer with the number of tasks and a checksum:

                {"export":{"version":1,"count":2,"sha256":"..."}}

            By hand: head -n -1 tasks.ndjson | sha256sum

            A task is there once, as it was at one moment of the export. What is made
            meanwhile may be there or not: stop the submits first for an exact picture.
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @Option(
        name: .long,
        help: "Only tasks with this status; may be repeated.",
        completion: .list(TaskView.liveStatuses + TaskView.endedStatuses)
    )
    var status: [String] = []

    @Option(
        name: .customLong("output-file"),
        help: "Write to this file, which is there at the end, whole, or not at all. Default: standard output.",
        completion: .file()
    )
    var outputFile: String?

    func validate() throws {
        let known = TaskView.liveStatuses + TaskView.endedStatuses
        for text in status where !known.contains(text) {
            throw ValidationError("--status \(text): must be one of \(known.joined(separator: ", "))")
        }
    }

    func run() async throws {
        let link = try connection.link(.leaderOrStandby)
        let count = try await Interruptible.run { [status, outputFile] in
            let file = try outputFile.map { try OutputFile($0) }
            defer { file?.discard() }
            do {
                return try await Exporter(link: link, statuses: status, file: file).run()
            } catch is CancellationError {
                let rest = file == nil ? "what was written has no trailer" : "no file was written"
                throw Failure(message: "interrupted; \(rest)", exitStatus: ExitStatus.cancelled)
            }
        }
        Console.note("\(Progress.grouped(count)) tasks exported")
    }
}
