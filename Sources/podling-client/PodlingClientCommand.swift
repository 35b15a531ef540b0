import ArgumentParser
import PodlingClient
import PodlingProtocol

/// The root command.
@main
struct PodlingClientCommand: AsyncParsableCommand {
    static let version = Version.current

    static let configuration = CommandConfiguration(
        commandName: "podling-client",
        abstract: "Run containers somewhere, and know what became of them.",
        discussion: """
            The master is found by --master or PODLING_MASTER, else at 127.0.0.1:7070.
            Options of every command may also stand before its name: --master db1 ps.

            TLS and who you are, by options of every command, or PODLING_SSLROOTCERT and
            so on:
              --master podlings://HOST      TLS
              --sslrootcert FILE            the CA of the master's certificate
              --sslcert FILE --sslkey FILE  a certificate of yours
              --token-file FILE             what podling-master token create gave
            podling-client tls doctor finds out why that does not work.

            Shell completion: podling-client --generate-completion-script bash|zsh|fish

            Exit status:
            \(ExitStatus.table)
            """,
        version: Version.text,
        subcommands: [
            RunCommand.self, PsCommand.self, GetCommand.self, LogsCommand.self, WaitCommand.self, CancelCommand.self,
            SubmitCommand.self, WatchCommand.self, NodesCommand.self, DrainCommand.self, PingCommand.self,
            ExportCommand.self, ImportCommand.self, TLSCommand.self,
        ]
    )

    /// The names of all commands, each with those of its subcommands.
    private static var partsOfCommands: [String: Set<String>] {
        let commands = configuration.subcommands.map { command in
            (name(of: command), Set(command.configuration.subcommands.map(name(of:))))
        }
        return Dictionary(commands) { first, _ in first }
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? ""
    }

    static func main() async {
        Console.ignoreBrokenPipeSignal()
        do {
            let given = Array(CommandLine.arguments.dropFirst())
            if let option = LeadingOptions.lackingValue(given) {
                throw ValidationError("Missing value for '\(option)': give one, and then a command, or see --help")
            }
            let arguments = RunArguments.separated(LeadingOptions.moved(given, partsOf: partsOfCommands))
            var command = try await asyncParseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as ExitCode {
            exit(withError: error)
        } catch {
            guard let report = FailureReport(error) else { exit(withError: error) }
            Console.note(report.line)
            exit(withError: ExitCode(report.exitStatus))
        }
    }
}
