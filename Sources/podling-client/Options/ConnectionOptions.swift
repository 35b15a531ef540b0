import ArgumentParser
import PodlingClient
import PodlingOptions

/// The options for the connection to the master.
struct ConnectionOptions: ParsableArguments {
    static let masterDefault = "127.0.0.1:7070"

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The master, HOST[:PORT] or podlings://HOST[:PORT] for TLS; of several, with commas between, the one that leads is found.",
            discussion: "Default: PODLING_MASTER, else \(masterDefault).",
            valueName: "address"
        )
    )
    var master: String?

    @Option(
        name: .customLong("retry-seconds"),
        help: "How long to go on trying when the master is lost on the way."
    )
    var retrySeconds = MasterLink.retrySecondsDefault

    @OptionGroup(title: "Security options") var security: SecurityOptions

    func validate() throws {
        guard (0...86_400).contains(retrySeconds) else {
            throw ValidationError("--retry-seconds must be from 0 to 86400")
        }
        do {
            _ = try addresses()
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func addresses() throws(MasterAddressError) -> [MasterAddress] {
        let text = master ?? Environment.value("PODLING_MASTER") ?? Self.masterDefault
        return try security.addresses(text, environment: Environment.value)
    }

    /// - Parameter choice: read-only commands may use a standby.
    func link(_ choice: PodlingClient.MasterChoice = .leader) throws -> MasterLink {
        var options = PodlingClient.Options()
        options.choice = choice
        options.token = try security.token(environment: Environment.value)
        options.agent = "podling-client/\(PodlingClientCommand.version)"
        return MasterLink(addresses: try addresses(), options: options, retrySeconds: retrySeconds) { error in
            if let report = FailureReport(error) { Console.note("\(report.message); trying again") }
        }
    }
}

/// The option for the output format.
struct FormatOptions: ParsableArguments {
    @Option(name: .long, help: "How to write the result.")
    var output = OutputFormat.table
}
