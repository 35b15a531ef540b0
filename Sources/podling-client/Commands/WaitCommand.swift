import ArgumentParser
import PodlingClient

struct WaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until tasks have ended, and end as they did.",
        discussion: """
            Of several tasks, the first in the order given that did not end with 0
            sets the exit status.

            Exit status:
            \(ExitStatus.table)
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    @Argument(help: "The tasks' ids.", completion: Completions.tasks)
    var tasks: [String]

    func run() async throws {
        let link = try connection.link()
        // The first connection is made once, before the concurrent waits share it.
        _ = try await link.perform { try await $0.ping() }
        let ended = try await withThrowingTaskGroup(of: (Int, TaskView).self) { group in
            for (index, taskId) in tasks.enumerated() {
                group.addTask {
                    do {
                        return (index, try await link.perform { try await $0.wait(taskId: taskId) })
                    } catch let error as PodlingError {
                        // Exit status 1 would look like a task's own exit code.
                        let message = "task \(taskId): the master refused: \(error)"
                        throw Failure(message: message, exitStatus: ExitStatus.infrastructure)
                    }
                }
            }
            return try await group.reduce(into: [Int: TaskView]()) { $0[$1.0] = $1.1 }
        }
        let views = tasks.indices.compactMap { ended[$0] }
        if format.output == .table {
            for view in views { try Console.out("\(view.taskId) \(TaskText.status(view))\n") }
        } else {
            var objects = JSONObjects(format.output)
            try Console.out(json: objects.text(of: views.map(\.json)) + objects.end())
        }
        if let status = views.map(ExitStatus.of).first(where: { $0 != 0 }) { throw ExitCode(status) }
    }
}
