import ArgumentParser
import FoundationEssentials
import Logging
import PodlingCore
import PodlingLogging
import PodlingMaster
import PodlingPostgres
import PodlingProtocol
import PodlingShell
import PodlingTLS

/// The options of the command line and the environment, and the configuration that they result in.
struct MasterOptions: ParsableArguments {
    /// Upper bound: a hundred years.
    private static let daysMax = 36_500

    @Option(name: .long, help: "Where workers and clients connect, HOST:PORT (PODLING_LISTEN; default 127.0.0.1:7070).")
    var listen: String?

    @Option(
        name: .long,
        help: "Where HTTP is served, HOST:PORT or off (PODLING_HTTP_LISTEN; default 127.0.0.1:8070)."
    )
    var httpListen: String?

    @Option(
        name: .long,
        help: """
            A name by which HTTP is asked, beside those of --listen, --http-listen, --advertise and loopback; may be given more
            than once (PODLING_HTTP_HOST, with commas). Others are refused where nobody has to show who they are.
            """
    )
    var httpHost: [String] = []

    @Option(
        name: .long,
        help: "HOST or HOST:PORT by which others reach this master; a standby tells it (PODLING_ADVERTISE)."
    )
    var advertise: String?

    @OptionGroup(title: "TLS") var tls: TLSOptions

    @OptionGroup(title: "Tokens") var access: AccessOptions

    @Flag(name: .long, help: "Allow listening beyond loopback in plain text.")
    var insecure = false

    @Option(name: .long, help: "Write listen=HOST:PORT and http=HOST:PORT to this file once both are served.")
    var portFile: String?

    @Option(name: .long, help: "Seconds between a worker's heartbeats.")
    var heartbeat = Double(Limits.heartbeatMillisecondsDefault) / 1_000

    @Option(name: .long, help: "Seconds a node may be silent before its tasks are placed elsewhere.")
    var lease = Double(Limits.leaseMillisecondsDefault) / 1_000

    @Option(
        name: .long,
        help: """
            Seconds that an attempt may take from its assignment until it runs; what is new of it begins them anew, up to six
            times as many.
            """
    )
    var prepareTimeout = Limits.prepareSecondsDefault

    @Option(name: .long, help: "Seconds after which a standby takes the lead from a master that is gone.")
    var leaderLease = Double(PostgresStore.leaseMillisecondsDefault) / 1_000

    @Option(name: .long, help: "Seconds that the master holds ended tasks; the database keeps them beyond that.")
    var retainFinishedSeconds = 86_400

    @Option(name: .long, help: "How many ended tasks the master holds.")
    var retainFinishedCount = 100_000

    @Option(
        name: .long,
        help: "Days that the database keeps a month of ended tasks after its end. (default: for ever)"
    )
    var retainHistoryDays: Int?

    @Flag(
        name: .long,
        help: "Refuse older tables in the database instead of changing them: see podling-master migrate."
    )
    var noMigrate = false

    @Flag(
        name: .long,
        help: "Keep each transition of a task, with who caused it, in the table task_events; with STORE_TYPE=postgres."
    )
    var audit = false

    @Option(name: .long, help: "How many tasks may be live at once.")
    var tasksMax = Limits.liveTasksMaxDefault

    @Option(
        name: .long,
        help: """
            Bytes that tasks may take in memory; above it ended ones are let go, and then no more are taken.
            (default: half of the memory there is)
            """
    )
    var tasksBytesMax: Int?

    @Option(name: .long, help: "Bytes that all connections may leave unread before the one with most is closed.")
    var unreadBytesMax = Limits.unreadBytesTotalMax

    @Option(name: .long, help: "How many connections may be open at once.")
    var connectionsMax = Limits.connectionsMaxDefault

    @Option(name: .long, help: "Seconds a new connection has for its first line.")
    var firstLineTimeout = Limits.firstLineSeconds

    @Option(name: .long, help: "Seconds that going down may take.")
    var shutdownTimeout = 5

    @Option(name: .long, help: "Least important events to log: trace, debug, info, notice, warning, error, critical.")
    var logLevel = Logger.Level.info

    @Option(name: .long, help: "How the log is written, on standard error: text or json.")
    var logFormat = LogFormat.text

    func validate() throws {
        guard heartbeat >= 0.05, lease >= heartbeat * 2, lease <= 86_400 else {
            throw ValidationError(
                "--lease must be at least twice --heartbeat, which is at least 0.05, and at most 86400."
            )
        }
        guard (1...86_400).contains(prepareTimeout) else {
            throw ValidationError("--prepare-timeout must be 1 to 86400 seconds.")
        }
        guard (0.5...3_600).contains(leaderLease) else {
            throw ValidationError("--leader-lease must be 0.5 to 3600 seconds.")
        }
        guard retainFinishedSeconds >= 1, retainFinishedCount >= 1, tasksMax >= 1, connectionsMax >= 1,
            firstLineTimeout >= 1, (1...3_600).contains(shutdownTimeout), (tasksBytesMax ?? 1) >= 1, unreadBytesMax >= 1
        else { throw ValidationError("Counts and times must be at least 1.") }
        guard retainFinishedSeconds <= Self.daysMax * 86_400, (1...Self.daysMax).contains(retainHistoryDays ?? 1) else {
            throw ValidationError(
                "--retain-history-days must be 1 to \(Self.daysMax), and --retain-finished-seconds no longer than that."
            )
        }
        _ = try listenAddress()
        _ = try httpAddress()
        _ = try advertised()
        _ = try httpNames()
        guard try Self.databaseURL() != nil || !audit else {
            throw ValidationError("--audit keeps transitions in PostgreSQL: set STORE_TYPE=postgres and DATABASE_URL.")
        }
        _ = try preparesStatements()
    }

    func listenAddress() throws -> HostPort {
        let text = listen ?? ProcessInfo.processInfo.environment["PODLING_LISTEN"] ?? "127.0.0.1:7070"
        return try address(text, "--listen")
    }

    /// HOST or HOST:PORT to advertise to others; nil where it is not set.
    func advertised() throws -> String? {
        guard let text = advertise ?? ProcessInfo.processInfo.environment["PODLING_ADVERTISE"], !text.isEmpty else {
            return nil
        }
        let isBare = text.last == "]" || !text.contains(":")
        let address = HostPort(parsing: isBare ? "\(text):1" : text)
        guard let address, address.isDialable else {
            throw ValidationError(
                "--advertise: \(text) is not HOST or HOST:PORT by which others reach this master, such as "
                    + "master-1.example.net:7070 or [2001:db8::1]:7070."
            )
        }
        return text
    }

    /// The host names that HTTP requests may use, without ports.
    func httpNames() throws -> [String] {
        let said = ProcessInfo.processInfo.environment["PODLING_HTTP_HOST"] ?? ""
        let given = httpHost.isEmpty ? said.split(separator: ",").map(String.init) : httpHost
        for name in given {
            guard let address = HostPort(parsing: "\(name):1"), address.isDialable, address.host == name else {
                throw ValidationError(
                    "--http-host: \(name) is not a name, such as podling.example.net, without a port."
                )
            }
        }
        let own = [try listenAddress().host, try httpAddress()?.host].compactMap(\.self)
        let advertised = try advertised().flatMap { HostPort(parsing: $0)?.host ?? HostPort(parsing: "\($0):1")?.host }
        return given + own + [advertised].compactMap(\.self)
    }

    /// The database for tasks; nil keeps them in memory.
    static func databaseURL() throws -> String? {
        let environment = ProcessInfo.processInfo.environment
        switch try Setting.value(nil, "", "STORE_TYPE") ?? "memory" {
        case "memory": return nil
        case "postgres":
            guard let url = environment["DATABASE_URL"], !url.isEmpty else {
                throw ValidationError(
                    "STORE_TYPE=postgres needs DATABASE_URL, such as postgres://USER:PASSWORD@HOST:5432/DATABASE."
                )
            }
            return url
        case let other: throw ValidationError("STORE_TYPE=\(other) is not known; this version has: memory, postgres.")
        }
    }

    /// Whether the store prepares its statements (DATABASE_PREPARED_STATEMENTS).
    func preparesStatements() throws -> Bool {
        switch ProcessInfo.processInfo.environment["DATABASE_PREPARED_STATEMENTS"] ?? "on" {
        case "on": true
        case "off": false
        case let other: throw ValidationError("DATABASE_PREPARED_STATEMENTS=\(other): it may be on or off.")
        }
    }

    /// nil where HTTP is off.
    func httpAddress() throws -> HostPort? {
        let text = httpListen ?? ProcessInfo.processInfo.environment["PODLING_HTTP_LISTEN"] ?? "127.0.0.1:8070"
        return text == "off" ? nil : try address(text, "--http-listen")
    }

    func isBeyondLoopback() throws -> Bool {
        try [listenAddress(), httpAddress()].contains { $0?.isLoopback == false }
    }

    private func address(_ text: String, _ option: String) throws -> HostPort {
        guard let address = HostPort(parsing: text) else {
            throw ValidationError("\(option): \(text) is not HOST:PORT, such as 127.0.0.1:7070 or [::1]:7070.")
        }
        guard try insecure || address.isLoopback || tls.configuration() != nil else {
            throw ValidationError(
                "\(option): \(text) is beyond loopback, where anybody who reaches it may run containers, in plain text. "
                    + "Give --tls-cert and --tls-key; or, if the network is yours alone, add --insecure."
            )
        }
        return address
    }

    func retention() -> Retention {
        Retention(
            heldMax: retainFinishedCount,
            heldMilliseconds: retainFinishedSeconds * 1_000,
            historyDays: retainHistoryDays
        )
    }

    func configuration() throws -> MasterConfiguration {
        let now = Tick.current()
        var core = CoreConfiguration(
            server: "podling-master/\(Version.current)",
            epoch: String(now.wall, radix: 36),
            firstTaskID: TaskID.base(wallMilliseconds: now.wall)
        )
        core.heartbeatMilliseconds = Int(heartbeat * 1_000)
        core.leaseMilliseconds = Int(lease * 1_000)
        core.prepareMilliseconds = prepareTimeout * 1_000
        core.finishedAgeMilliseconds = retainFinishedSeconds * 1_000
        core.finishedTasksMax = retainFinishedCount
        core.liveTasksMax = tasksMax
        core.tasksBytesMax = tasksBytesMax ?? MachineMemory.bytes.map { $0 / 2 } ?? Limits.tasksBytesMaxDefault
        core.isAudited = audit
        core.isAuthenticated = try access.asksForTokens
        var configuration = MasterConfiguration(core: core)
        let address = try listenAddress()
        configuration.host = address.host
        configuration.port = address.port
        configuration.advertised = try advertised()
        configuration.limits.connectionsMax = connectionsMax
        configuration.limits.unreadBytesTotalMax = unreadBytesMax
        configuration.limits.deadlines.firstLineSeconds = firstLineTimeout
        configuration.limits.shutdownSeconds = shutdownTimeout
        configuration.certificateRole = try tls.roleOfCertificates()
        // A client that must show a certificate is authenticated.
        if try tls.configuration()?.clientCertificates == .require { configuration.core.isAuthenticated = true }
        return configuration
    }
}

extension HostPort {
    /// Whether it can be a single host's address: not a URL, a list, the wildcard address, or port 0.
    var isDialable: Bool {
        let known = "-._"
        let isName = host.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil)
                || known.unicodeScalars.contains($0)
        }
        let isIPv6 = host.contains(":") && host.allSatisfy { $0.isHexDigit || ":.%".contains($0) }
        return port > 0 && (isName || isIPv6) && !["0.0.0.0", "::"].contains(host)
    }

    var isLoopback: Bool {
        host == "localhost" || host == "::1" || (host.hasPrefix("127.") && !host.contains { $0.isLetter })
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LogFormat: ExpressibleByArgument {}
