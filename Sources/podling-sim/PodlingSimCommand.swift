import ArgumentParser
import PodlingSimulator

@main
struct PodlingSimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "podling-sim",
        abstract: "Runs a whole cluster under one seed, and checks what must always hold.",
        discussion: """
            The masters, the workers' agents and their lines are the real code; the network, the database, the container \
            engines, the clocks and the clients are simulated, with faults. The same seed and the same options do the \
            same, byte for byte, on every machine: the transcript's hash shows it.

              podling-sim                                   seed 1, 100,000 events
              podling-sim --seed 42 --events 1e6            one longer run
              podling-sim --seed 1 --seeds 100              seeds 1 to 100, until one fails
              podling-sim --seed 42 --minimize              a failing seed, with as few faults as still fail
              podling-sim --seed 42 --without storeLoss     without a kind of fault
              podling-sim --list-faults                     the kinds of fault
              podling-sim --seeds 20 --events 1e6 --faults-min 1000
                                                            fails also where a kind of fault was too rare to be a test

            An event is a delivery of bytes, a call's answer, a timer, or a fault. After the last of --events the faults \
            stop, and everything that was begun must come to its end.

            Exit codes: 0 all held; 1 an invariant was violated, with the seed, the checker and the last events that \
            touch the task, or a kind of fault was too rare; 64 wrong options.
            """
    )

    @Option(help: ArgumentHelp("The seed, or the first of --seeds.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("How many seeds, one after the other.", valueName: "count"))
    var seeds: UInt64 = 1

    @Option(
        help: ArgumentHelp("Events with faults, as 100000 or 1e5.", valueName: "count"),
        transform: { try Self.count($0) }
    )
    var events = 100_000

    @Option(help: ArgumentHelp("Masters that share the database.", valueName: "count"))
    var masters = 2

    @Option(help: ArgumentHelp("Workers, each with an engine of its own.", valueName: "count"))
    var workers = 3

    @Option(help: ArgumentHelp("Clients.", valueName: "count"))
    var clients = 4

    @Option(help: ArgumentHelp("Kinds of fault to leave out, with commas between.", valueName: "kinds"))
    var without = ""

    @Option(help: ArgumentHelp("Only these kinds of fault; none for no fault.", valueName: "kinds"))
    var only: String?

    @Option(help: ArgumentHelp("How often each kind of fault must happen over all seeds.", valueName: "count"))
    var faultsMin = 0

    @Flag(help: "Make a failure smaller before it is shown.")
    var minimize = false

    @Flag(help: "Print the counts of faults and features.")
    var verbose = false

    @Flag(help: "Print the kinds of fault, and end.")
    var listFaults = false

    private static func count(_ text: String) throws -> Int {
        guard let number = Double(text), number >= 1, number <= 1e15 else {
            throw ValidationError("--events: \"\(text)\" is no count; try 1e6")
        }
        return Int(number)
    }

    func validate() throws {
        guard masters > 0, workers > 0, clients > 0, masters + workers + clients <= 1_000 else {
            throw ValidationError("--masters, --workers and --clients: at least one of each, at most 1,000 together")
        }
        _ = try faults()
    }

    private func faults() throws -> FaultSet {
        var faults = FaultSet.all
        if let only {
            faults = .none
            for fault in try Self.faults(only, "--only") { faults.insert(fault) }
        }
        for fault in try Self.faults(without, "--without") { faults.remove(fault) }
        return faults
    }

    private static func faults(_ text: String, _ option: String) throws -> [Fault] {
        guard text != "none" else { return [] }
        return try text.split(separator: ",").map { name in
            guard let fault = Fault(name: String(name)) else {
                throw ValidationError("\(option): there is no fault \"\(name)\"; see --list-faults")
            }
            return fault
        }
    }

    func run() throws {
        guard !listFaults else {
            for fault in Fault.allCases { print(fault.name) }
            return
        }
        var total = Totals()
        for offset in 0..<seeds {
            var configuration = SimulatorConfiguration(seed: seed &+ offset, events: events)
            (configuration.masters, configuration.workers, configuration.clients) = (masters, workers, clients)
            configuration.faults = try faults()
            let start = ContinuousClock.now
            let result = World(configuration).run()
            let duration = ContinuousClock.now - start
            let report = Report(result, duration: duration)
            print(report.line)
            if verbose || result.violation != nil { print(report.counts) }
            total.add(result, duration: duration)
            guard result.violation != nil else { continue }
            print(try explain(result))
            throw ExitCode(1)
        }
        guard seeds > 1 || faultsMin > 0 else { return }
        print(total.text)
        let rare = total.rare(than: faultsMin, of: try faults())
        guard !rare.isEmpty else { return }
        print("  too rare, below \(faultsMin): \(rare.map(\.name).joined(separator: ", "))")
        throw ExitCode(1)
    }

    private func explain(_ result: SimulationResult) throws -> String {
        var shown = result
        if minimize, var minimizer = Minimizer(result) {
            shown = minimizer.run { print("fails too: \(Report.command($0.configuration))") }
        } else {
            // Again, with the trace.
            var configuration = result.configuration
            configuration.isTraced = true
            shown = World(configuration).run()
        }
        return Report.failure(shown)
    }
}
