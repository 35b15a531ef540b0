import ArgumentParser
import PodlingClient

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a task, follow its output, and end as it ends.",
        usage: "podling-client run [OPTIONS] IMAGE [ARGS ...]",
        discussion: """
            What follows the image are the arguments of its entry point, options too:

              podling-client run busybox echo hello
              podling-client run --name nightly -e LEVEL=2 --memory 1Gi report:1 --all
              podling-client run --entrypoint sh report:1 -c 'ls -l /data'

            Its output is written as it comes, stdout to stdout, stderr to stderr.
            Ctrl-C (or SIGTERM) cancels the task and waits until that is confirmed;
            a second one leaves at once. When nobody reads the output any more, the
            client ends and the task goes on.

            Exit status:
            \(ExitStatus.table)
            """
    )

    @OptionGroup(title: "Task options") var spec: SpecOptions

    @Flag(name: [.short, .long], help: "Do not wait: write the task's id and end.")
    var detach = false

    @Flag(name: [.short, .long], help: "No word about the task but its own.")
    var quiet = false

    @Flag(name: .long, help: "Write control characters to a terminal as they are.")
    var raw = false

    @OptionGroup var connection: ConnectionOptions

    /// Options of docker that a task cannot have.
    @OptionGroup(visibility: .hidden) var refused: RefusedOptions

    @Argument(help: "The image to run.")
    var image: String

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("Arguments of its entry point.", valueName: "args"))
    var arguments: [String] = []

    func validate() throws { try refused.check() }

    func run() async throws {
        let builder = SpecBuilder(
            options: spec,
            image: image,
            arguments: arguments,
            environmentValue: { Environment.value($0) }
        )
        // With an idempotency key, a retry after a lost connection cannot start a second task.
        let key = RandomText.make(count: 32)
        let json = try builder.build(idempotencyKey: key, randomSuffix: RandomText.make(count: 5))
        let link = try connection.link()
        // From here on an interrupt must cancel the task, and not just end the program.
        let interrupts = detach ? nil : await Interrupts.stream()
        do {
            let task = try await link.perform { try await $0.submit(spec: json) }
            guard let interrupts else {
                try Console.out("\(task.taskId)\n")
                return
            }
            if !quiet, Console.isStderrTerminal { Console.note("task \(task.taskId)") }
            let follower = TaskFollower(link: link, taskId: task.taskId, isRaw: raw, isQuiet: quiet)
            let status = try await follower.run(interrupts: interrupts)
            if status != 0 { throw ExitCode(status) }
        } catch let error as PodlingError {
            throw Failure(message: "the master refused: \(error)", exitStatus: ExitStatus.infrastructure)
        }
    }
}

/// Short random texts of `a-z 0-9`.
enum RandomText {
    static func make(count: Int) -> String {
        let characters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        return String((0..<count).compactMap { _ in characters.randomElement() })
    }
}
