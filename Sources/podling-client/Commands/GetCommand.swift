import ArgumentParser
import PodlingClient

struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "get", abstract: "Show one task.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    @Argument(help: "The task's id.", completion: Completions.tasks)
    var task: String

    func run() async throws {
        let view = try await connection.link(.leaderOrStandby).perform { [task] in try await $0.get(taskId: task) }
        if format.output == .table {
            try Console.out(TaskText.details(view))
        } else {
            try Console.out(json: view.json + [UInt8(ascii: "\n")])
        }
    }
}
