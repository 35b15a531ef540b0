import ArgumentParser
import FoundationEssentials
import Glibc
import Logging
import PodlingAgent
import PodlingClient
import PodlingLogging
import PodlingOptions
import PodlingProtocol
import PodlingWorker
import ServiceLifecycle
import UnixSignals

@main
struct PodlingWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "podling-worker",
        abstract: "Runs the tasks of a podling-master on this machine.",
        discussion: """
            It dials the master and needs no port of its own. Killed or restarted, it finds its containers again and \
            goes on with them.

              podling-worker                             this machine's master, engine
              podling-worker --master db1,db2:7071       two masters, tried in turn
              podling-worker --master podlings://db1 --sslrootcert ca.pem --sslcert node.pem --sslkey node.key
              podling-worker --master podlings://db1 --sslrootcert ca.pem --token-file node.token
              podling-worker --engine podman             Podman rather than Docker
              podling-worker --slots 1 --memory 2Gi      one task at a time
              podling-worker --label disk=ssd            a label to select by

            SIGTERM ends the worker and leaves its tasks running; see --stop-on-exit.
            """,
        version: Version.text
    )

    @OptionGroup var options: WorkerOptions

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let format = options.logFormat
        let level = options.logLevel
        ProgramLog.bootstrap(label: "podling-worker", format: format, level: level)
        let logger = Logger(label: "podling-worker")

        let masters = try options.masters(environment)
        let token = try options.security.token { environment[$0] }
        // Faults in the TLS files are reported now, not at every attempt to connect.
        for master in masters { try master.checkFiles() }
        let choice = try options.engine(environment)
        let facts = MachineFacts.read()
        let path = options.stateDir ?? StateDirectory.defaultPath(environment: environment, isRoot: geteuid() == 0)
        let state = try StateDirectory(path)
        let nodeId = try state.nodeId(given: options.nodeId, hostname: facts.hostname)
        let finder = EngineFinder(
            environment: environment,
            statePath: state.path,
            logBytesMax: options.outputMax?.bytes ?? AgentLimits.logBytesDefault,
            logger: logger
        )
        let runtime = try await finder.find(choice)
        let configuration = try await configuration(nodeId, facts, runtime)
        logger.info(
            "starting",
            metadata: [
                "version": "\(Version.current)", "node": "\(nodeId)", "engine": "\(configuration.engine)",
                "slots": "\(configuration.slots)", "cpuMillis": "\(configuration.cpuMillis)",
                "memory": "\(configuration.memoryBytes)",
                "masters": "\(masters.map(\.description).joined(separator: ","))",
            ]
        )
        let agent = WorkerAgent(
            configuration: configuration,
            masters: masters,
            token: token,
            runtime: runtime,
            logger: logger
        )
        var services = ServiceGroupConfiguration(
            services: [.init(service: agent, successTerminationBehavior: .gracefullyShutdownGroup)],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        // The agent enforces its own deadline; a second signal ends the process at once.
        services.cancellationSignals = [.sigquit]
        try await ServiceGroup(configuration: services).run()
        await runtime.shutdown()
        logger.info("ended")
        withExtendedLifetime(state) {}
    }

    private func configuration(
        _ nodeId: String,
        _ facts: MachineFacts,
        _ runtime: any ContainerRuntime
    ) async throws -> AgentConfiguration {
        let slotsPerCore = 2
        let millis = options.cpu?.millis ?? facts.cpuMillis
        let info = try? await runtime.info()
        var configuration = AgentConfiguration(
            nodeId: nodeId,
            instance: String(UInt64.random(in: .min ... .max), radix: 16),
            slots: options.slots ?? min(4_096, max(1, (millis * slotsPerCore + 999) / 1_000)),
            cpuMillis: millis,
            memoryBytes: options.memory?.bytes ?? facts.memoryBytes,
            hostname: facts.hostname,
            engine: info.map { "\($0.engine) \($0.version)" } ?? "",
            version: Version.current,
            labels: options.label.map { AgentLabel(name: $0.name, value: $0.value) }
        )
        configuration.stopsOnExit = options.stopOnExit
        configuration.keepFinishedCount = options.keepFinished
        return configuration
    }
}
