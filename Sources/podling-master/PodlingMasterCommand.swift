import ArgumentParser
import FoundationEssentials
import Logging
import NIOCore
import PodlingAccess
import PodlingHTTP
import PodlingLogging
import PodlingMaster
import PodlingPostgres
import PodlingProtocol
import PodlingShell
import PodlingStore
import PodlingTLS
import ServiceLifecycle
import UnixSignals

@main
struct PodlingMasterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "podling-master",
        abstract: "Accepts workers and clients, places tasks, and tells what became of them.",
        discussion: """
            Start it, start a worker beside it, and run something:

              podling-master
              podling-worker --master 127.0.0.1:7070
              podling-client run busybox echo hi

            Tasks are kept in memory (STORE_TYPE=memory): a restart forgets them. To keep them in PostgreSQL:

              STORE_TYPE=postgres DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE podling-master

            Several masters on one database have one leader; the others stand by, and one of them takes over.

            Beyond loopback it wants TLS; with --tls-client-ca only those who show a certificate of that CA are let in, and
            with --tokens only those who show a token:

              podling-master --listen 0.0.0.0:7070 --tls-cert server.pem --tls-key server.key --tls-client-ca ca.pem
              podling-master --tokens tokens.txt

            SIGHUP reads these files again; connections stay. SIGTERM and Ctrl-C end it in order. Exit codes: 64 the command
            line or the environment is wrong; 69 the database cannot be reached, or failed; 77 it does not let this user in,
            or do what is needed; 78 it is set up wrongly, or the files of TLS or of tokens are.
            """,
        version: Version.text,
        subcommands: [MigrateCommand.self, TokenCommand.self]
    )

    private static let retryMilliseconds = 500...1_500

    @OptionGroup var options: MasterOptions

    func run() async throws {
        let (format, level) = (options.logFormat, options.logLevel)
        ProgramLog.bootstrap(label: "podling-master", format: format, level: level)
        let logger = Logger(label: "podling-master")
        var http = try options.httpAddress()
        let portFile = PortFile(path: options.portFile, expected: http == nil ? 1 : 2)
        let tls = try readTLS(logger)
        let health = DatabaseHealth(logger: logger)
        try await CertificateKeeper.keeping(tls) {
            try await Self.withStoreErrors(logger) {
                var configuration = try options.configuration()
                configuration.tls = tls
                DescriptorLimit.raise(
                    connections: configuration.limits.connectionsMax,
                    httpConnections: http == nil ? 0 : HTTPShimConfiguration().connectionsMax,
                    logger
                )
                // A master that lost the lead restarts as a standby, on the same ports.
                while try await !serveOrTryAgain(configuration, http, portFile, health, logger) {
                    configuration = try options.configuration()
                    configuration.tls = tls
                    if let port = await portFile.ports["listen"] { configuration.port = port }
                    if let port = await portFile.ports["http"] { http?.port = port }
                }
            }
        }
    }

    /// nil is plain text.
    private func readTLS(_ logger: Logger) throws -> ServerTLS? {
        guard let configuration = try options.tls.configuration() else {
            if try options.access.asksForTokens, try options.isBeyondLoopback() {
                logger.warning(
                    """
                    tokens that come from other machines cross the network in plain text, and whoever listens there may \
                    use them; clients and workers of this version send none. Give --tls-cert and --tls-key
                    """
                )
            }
            return nil
        }
        let tls: ServerTLS
        do {
            tls = try ServerTLS(configuration, logger: logger)
        } catch {
            logger.critical("TLS: \(error)")
            throw ExitCode(78)
        }
        if !tls.demandsCertificates, try !options.access.asksForTokens, try options.isBeyondLoopback() {
            logger.warning(
                """
                TLS keeps others from listening in, but not from connecting: anybody who reaches this master may run \
                containers. Give \(Self.cure(configuration)), or --tokens
                """
            )
        }
        if configuration.clientCertificates != .off, try options.tls.roleOfCertificates() == nil,
            try !options.access.asksForTokens
        {
            logger.warning(
                "--tls-client-role none leaves it to tokens who a client is, and there are none: give --tokens"
            )
        }
        return tls
    }

    /// The option that makes clients show a certificate.
    private static func cure(_ configuration: TLSServerConfiguration) -> String {
        configuration.clientCAFile == nil
            ? "--tls-client-ca, so that clients show a certificate"
            : "--tls-client-cert require, so that each client shows a certificate"
    }

    /// Calls `serve`, but does not end a master that served before for a transient failure: a database that is lost
    /// while the rows are loaded, or before this master is a standby again.
    private func serveOrTryAgain(
        _ configuration: MasterConfiguration,
        _ http: HostPort?,
        _ portFile: PortFile,
        _ health: DatabaseHealth,
        _ logger: Logger
    ) async throws -> Bool {
        do {
            guard try await !serve(configuration, http, portFile, health, logger) else { return true }
            logger.warning("another master leads now; standing by")
        } catch let error as PGError where error.isRetryable {
            guard await portFile.ports["listen"] != nil else { throw error }
            logger.warning("PostgreSQL: standing by once it is back", metadata: ["error": "\(error)"])
            try await Task.sleep(for: .milliseconds(Int.random(in: Self.retryMilliseconds)))
        }
        return false
    }

    /// Serves until shutdown.
    /// - Returns: false where it lost the lead.
    private func serve(
        _ configuration: MasterConfiguration,
        _ http: HostPort?,
        _ portFile: PortFile,
        _ health: DatabaseHealth,
        _ logger: Logger
    ) async throws -> Bool {
        let place = try await options.access.place(mayMigrate: !options.noMigrate)
        let keeper = place.map { TokenKeeper(place: $0, logger: logger) }
        do {
            return try await serve(configuration, http, portFile, health, logger, keeper)
        } catch {
            await place?.close()
            throw error
        }
    }

    private func serve(
        _ configuration: MasterConfiguration,
        _ http: HostPort?,
        _ portFile: PortFile,
        _ health: DatabaseHealth,
        _ logger: Logger,
        _ keeper: TokenKeeper?
    ) async throws -> Bool {
        let configuration = try await keeper?.applied(to: configuration) ?? configuration
        let store = try await openStore(health, logger)
        let server = try await MasterServer(configuration: configuration, store: store, logger: logger) {
            try await portFile.add("listen", configuration.host, $0.port ?? 0)
        }
        do {
            try await server.prepare()
        } catch {
            // Otherwise it would continue to hold the lead.
            await store.close()
            throw error
        }
        var services: [any Service] = [server]
        if let keeper {
            await keeper.serve(server)
            services.append(keeper)
        }
        if let http {
            var shim = HTTPShimConfiguration(host: http.host, port: http.port, tls: configuration.tls)
            shim.hostNames = HostNames(try options.httpNames())
            let service = HTTPShim(
                door: server.door,
                configuration: shim,
                logger: logger
            ) { port in
                logger.info(
                    configuration.tls == nil ? "serving HTTP" : "serving HTTPS",
                    metadata: ["address": "\(http.host):\(port)"]
                )
                try? await portFile.add("http", http.host, port)
            }
            services.append(service)
        }
        // The last service is notified first: HTTP waits for requests that wait for the store.
        services.append(EndAnnouncement(server: server))
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        do {
            try await group.run()
            return true
        } catch MasterError.leadLost {
            return false
        }
    }

    private func openStore(_ health: DatabaseHealth, _ logger: Logger) async throws -> any Store {
        guard let url = try MasterOptions.databaseURL() else {
            if try Setting.value(nil, "", "DATABASE_URL") != nil {
                logger.warning(
                    """
                    DATABASE_URL is set, and STORE_TYPE is not postgres: tasks are kept in memory, and a restart forgets them. \
                    Set STORE_TYPE=postgres, or unset DATABASE_URL
                    """
                )
            }
            return MemoryStore()
        }
        return try await PostgresStore.open(
            url: url,
            readURL: ProcessInfo.processInfo.environment["DATABASE_READ_URL"].flatMap { $0.isEmpty ? nil : $0 },
            name: options.listen ?? "",
            standsAtOnce: false,
            leaseMilliseconds: Int(options.leaderLease * 1_000),
            isPrepared: try options.preparesStatements(),
            retention: options.retention(),
            mayMigrate: !options.noMigrate,
            eventsMax: options.audit ? Limits.eventsKeptMax : nil,
            health: health,
            logger: logger
        )
    }

    /// Maps the failure of an unusable store to an exit code of its own (sysexits.h).
    private static func withStoreErrors<R>(_ logger: Logger, _ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch let error as PGError {
            logger.critical("PostgreSQL: \(error)")
            throw ExitCode(error.exitCode)
        } catch let error as TokenError {
            logger.critical("\(error)")
            throw ExitCode(TokenCommand.exitCode)
        } catch MasterError.storeFailed(let why) {
            logger.critical("the store failed: \(why)")
            throw ExitCode(69)
        }
    }
}

/// Notifies the master of the shutdown before the other services end.
private struct EndAnnouncement: Service {
    let server: MasterServer

    func run() async throws {
        try? await gracefulShutdown()
        server.announceEnd()
    }
}
