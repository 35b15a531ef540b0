import ArgumentParser
import PodlingClient

struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Ask that tasks end; wait tells when they have."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    @Argument(help: "The tasks' ids.", completion: Completions.tasks)
    var tasks: [String]

    func run() async throws {
        let link = try connection.link()
        var views: [TaskView] = []
        var refused = 0
        for taskId in tasks {
            do {
                views.append(try await link.perform { try await $0.cancel(taskId: taskId) })
            } catch let error as PodlingError {
                Console.note("\(taskId): \(error)")
                refused += 1
            }
        }
        if format.output == .table {
            for view in views { try Console.out("\(view.taskId) \(TaskText.status(view))\n") }
        } else {
            var objects = JSONObjects(format.output)
            try Console.out(json: objects.text(of: views.map(\.json)) + objects.end())
        }
        if refused > 0 { throw ExitCode(ExitStatus.failure) }
    }
}
