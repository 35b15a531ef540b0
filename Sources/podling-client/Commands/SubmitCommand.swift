import ArgumentParser
import PodlingClient
import PodlingProtocol

struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Hand in tasks written as JSON.",
        discussion: """
            The file holds one spec, or one spec a line. The tasks' ids are written as
            they are taken; at the first that is refused it stops. Specs with an
            idempotencyKey can be handed in again without harm.
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @Argument(help: "The file, or - for standard input.", completion: .file())
    var file: String

    func run() async throws {
        let specs = try SpecFile.split(try InputFile.read(file))
        let link = try connection.link()
        for (index, spec) in specs.enumerated() {
            do {
                // With an idempotency key, a retry after a lost connection cannot start a second task.
                let keyed = try SpecFile.withKey(spec, RandomText.make(count: 32))
                let task = try await link.perform { try await $0.submit(spec: keyed) }
                try Console.out("\(task.taskId)\n")
            } catch let error as PodlingError {
                throw Failure(message: "spec \(index + 1) of \(specs.count) was refused: \(error)")
            }
        }
    }
}
