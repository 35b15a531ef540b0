import ArgumentParser
import Logging
import PodlingClient
import PodlingLogging
import PodlingOptions
import PodlingProtocol
import PodlingWorker

/// The command line of `podling-worker`. The environment, then the machine, provides what is not given there.
struct WorkerOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Master to work for, as HOST:PORT, or podlings://HOST:PORT for TLS; repeatable, and a comma makes a list.",
            discussion: "They are tried in turn. Environment: PODLING_MASTER. Default: 127.0.0.1:7070.",
            valueName: "host:port"
        )
    )
    var master: [String] = []

    @Option(
        help: ArgumentHelp(
            "What runs the tasks: auto, docker, podman, or process.",
            discussion: """
                auto takes the first engine whose socket answers: DOCKER_HOST, Docker, Podman. process runs a task's command as a \
                plain process of this machine, without any isolation; it is never chosen by itself. \
                Environment: PODLING_ENGINE; DOCKER_HOST=unix:///PATH names the socket.
                """
        )
    )
    var engine: EngineChoice?

    @Option(
        help: ArgumentHelp(
            "Attempts at a time, 1 to 4096.",
            discussion: "Default: two for each core, as most tasks wait more than they compute.",
            valueName: "count"
        )
    )
    var slots: Int?

    @Option(
        help: ArgumentHelp(
            "Cores to offer, such as 2, 0.5 or 500m. Default: those this process may use.",
            valueName: "cores"
        )
    )
    var cpu: CPUAmount?

    @Option(
        help: ArgumentHelp(
            "Memory to offer, such as 512Mi or 8G. Default: that of the machine.",
            valueName: "bytes"
        )
    )
    var memory: MemoryAmount?

    @Option(
        name: .long,
        help: ArgumentHelp("Label of this node, for nodeSelector; repeatable.", valueName: "name=value")
    )
    var label: [NodeLabel] = []

    @Option(help: ArgumentHelp("Id of this node. Default: made once and kept in the state directory.", valueName: "id"))
    var nodeId: String?

    @Option(
        help: ArgumentHelp(
            "Where this worker remembers who it is; one worker each.",
            discussion:
                "Default: /var/lib/podling-worker for root, else $XDG_STATE_HOME/podling-worker or ~/.local/state/podling-worker.",
            valueName: "path"
        )
    )
    var stateDir: String?

    @Option(
        help: ArgumentHelp("Ended containers kept for their output, at most an hour each.", valueName: "count")
    )
    var keepFinished = 100

    @Option(
        help: ArgumentHelp(
            "Disk for the output of one attempt, such as 64Mi or 2G; what does not fit is lost from its beginning.",
            discussion: "Default: 512Mi. An engine writes up to 80 bytes beside each line.",
            valueName: "bytes"
        )
    )
    var outputMax: MemoryAmount?

    @Flag(
        help: ArgumentHelp(
            "On SIGTERM, stop what runs and hand it back to the master.",
            discussion: "Without it tasks keep running, and are taken up again at the next start."
        )
    )
    var stopOnExit = false

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel = Logger.Level.info

    @Option(help: ArgumentHelp("text or json: one line an event, on standard error.", valueName: "format"))
    var logFormat = LogFormat.text

    @OptionGroup(title: "Security options") var security: SecurityOptions

    mutating func validate() throws {
        if let slots, !(1...Limits.slotsMax).contains(slots) {
            throw ValidationError("--slots must be from 1 to \(Limits.slotsMax)")
        }
        guard (0...100_000).contains(keepFinished) else {
            throw ValidationError("--keep-finished must be from 0 to 100000")
        }
        if let outputMax, outputMax.bytes < 1 << 20 { throw ValidationError("--output-max must be at least 1Mi") }
        guard label.count <= Limits.labelsMax else {
            throw ValidationError("at most \(Limits.labelsMax) labels")
        }
        guard Set(label.map(\.name)).count == label.count else {
            throw ValidationError("--label gives the same name twice")
        }
    }

    /// The masters of the command line, else of the environment, else the default on this machine.
    func masters(_ environment: [String: String]) throws -> [MasterAddress] {
        let text = master.isEmpty ? environment["PODLING_MASTER"] ?? "127.0.0.1" : master.joined(separator: ",")
        do {
            return try security.addresses(text) { environment[$0] }
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func engine(_ environment: [String: String]) throws -> EngineChoice {
        if let engine { return engine }
        guard let text = environment["PODLING_ENGINE"], !text.isEmpty else { return .auto }
        guard let choice = EngineChoice(rawValue: text) else {
            throw ValidationError("PODLING_ENGINE must be one of auto, docker, podman, process, not '\(text)'")
        }
        return choice
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LogFormat: ExpressibleByArgument {}
