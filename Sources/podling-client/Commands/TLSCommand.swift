import ArgumentParser
import PodlingClient
import PodlingOptions
import PodlingProtocol

struct TLSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls",
        abstract: "Find out why TLS does not work.",
        subcommands: [TLSDoctorCommand.self]
    )
}

struct TLSDoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Walk the way to a master or a database step by step; say what is broken first, and its cure.",
        discussion: """
            Name, address, TCP, TLS, chain, SAN, dates, key match, CRL, ALPN, and the master itself, with the settings of the \
            URL, the flags and the environment, as every other command has them. No secret is shown.

              podling-client tls doctor podlings://db1:7070?sslrootcert=ca.pem
              podling-client tls doctor --sslrootcert ca.pem --hostaddr 10.0.0.7 podlings://db1
              podling-client tls doctor --database

            With a worker's certificate or token it says which worker the master takes it for.

            A database is looked at as libpq would, by its URL and PGSSLMODE and so on, up to the login.

            Exit status: 0 all is well; 1 something is broken; 64 the command line is wrong.
            """
    )

    @OptionGroup(title: "Security options") var security: SecurityOptions

    @Flag(help: "Examine the database of DATABASE_URL, whose password so stays out of the list of processes.")
    var database = false

    @Argument(
        help: ArgumentHelp(
            "podlings://HOST[:PORT][?...], or postgres://...; of several with commas each is examined.",
            discussion: "Default: PODLING_MASTER."
        )
    )
    var url: String?

    func validate() throws {
        if database, url != nil { throw ValidationError("give --database or a URL, not both") }
        do {
            guard try databaseURL() == nil else {
                _ = try databases()
                return
            }
            guard try addresses().allSatisfy(\.hasTLS) else {
                throw ValidationError("there is no TLS to examine in plaintext: give podlings://HOST[:PORT]")
            }
        } catch let error as MasterAddressError {
            throw ValidationError("\(error)")
        } catch let error as DatabaseURLError {
            throw ValidationError("\(error)")
        }
    }

    private func databaseURL() throws -> String? {
        guard database else { return url.flatMap { DatabaseDoctor.isFor($0) ? $0 : nil } }
        guard let url = Environment.value("DATABASE_URL"), !url.isEmpty else {
            throw ValidationError("--database needs DATABASE_URL")
        }
        return url
    }

    private func databases() throws -> [DatabaseDoctor] {
        try databaseURL().map { try DatabaseDoctor.doctors($0, environment: Environment.value) } ?? []
    }

    private func addresses() throws -> [MasterAddress] {
        guard let text = url ?? Environment.value("PODLING_MASTER") else {
            throw ValidationError("give podlings://HOST[:PORT], or set PODLING_MASTER")
        }
        return try security.addresses(text, environment: Environment.value)
    }

    func run() async throws {
        var isWell = true
        for database in try databases() {
            try Console.out("\(TerminalSafeText.escaped("\(database)"))\n")
            isWell = try await database.examine(show) && isWell
        }
        if try databaseURL() == nil { isWell = try await examineMasters() }
        if !isWell { throw ExitCode(ExitStatus.failure) }
    }

    private func show(_ finding: DoctorFinding) throws {
        for line in DoctorText.lines(finding) { try Console.out(line + "\n") }
    }

    private func examineMasters() async throws -> Bool {
        var options = PodlingClient.Options()
        options.agent = "podling-client/\(PodlingClientCommand.version)"
        options.token = try security.token(environment: Environment.value)
        var isWell = true
        for address in try addresses() {
            try Console.out("\(TerminalSafeText.escaped("\(address)"))\n")
            isWell = try await TLSDoctor(address, options: options).examine(show) && isWell
        }
        return isWell
    }
}

/// Formats findings as text.
enum DoctorText {
    private static let verdictWidth = 8
    private static let stepWidth = 11

    static func lines(_ finding: DoctorFinding) -> [String] {
        let verdict = padded(finding.verdict.rawValue, verdictWidth)
        let step = padded(finding.step.rawValue, stepWidth)
        let first = "  \(verdict)\(step)\(TerminalSafeText.escaped(finding.text))"
        guard let cure = finding.cure else { return [first] }
        return [first, "  \(padded("", verdictWidth))\(padded("cure:", stepWidth))\(TerminalSafeText.escaped(cure))"]
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
