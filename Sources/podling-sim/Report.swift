import PodlingSimulator

/// The words for a run.
struct Report {
    private let result: SimulationResult
    private let seconds: Double

    init(_ result: SimulationResult, duration: Duration) {
        self.result = result
        seconds = duration / .seconds(1)
    }

    var line: String {
        let rate = seconds > 0 ? Int(Double(result.events) / seconds) : 0
        return
            "seed \(result.configuration.seed): \(result.violation == nil ? "held" : "VIOLATED"), \(result.events) events, "
            + "\(result.milliseconds / 1_000) s simulated, \(rate) events a second, hash \(Self.hex(result.hash))"
    }

    var counts: String {
        let features = result.features.map { "\($0.name) \($0.count)" }.joined(separator: ", ")
        return "  faults: \(Self.text(ofFaults: result.faults))\n  features: \(features)"
    }

    /// - Parameter counts: in the order of `Fault`.
    static func text(ofFaults counts: [Int]) -> String {
        zip(Fault.allCases, counts).map { "\($0.name) \($1)" }.joined(separator: ", ")
    }

    static func failure(_ result: SimulationResult) -> String {
        guard let violation = result.violation else { return "  the run did not fail again" }
        let trace = result.trace.map { "    \($0)" }.joined(separator: "\n")
        return """
              violated at event \(violation.event): \(violation.checker)
                \(violation.text)
              again by: \(command(result.configuration))
              the last events that touch it:
            \(trace)
            """
    }

    /// The command that repeats a run.
    static func command(_ configuration: SimulatorConfiguration) -> String {
        var words = ["podling-sim", "--seed \(configuration.seed)", "--events \(configuration.events)"]
        let usual = SimulatorConfiguration(seed: 0, events: 0)
        if configuration.masters != usual.masters { words.append("--masters \(configuration.masters)") }
        if configuration.workers != usual.workers { words.append("--workers \(configuration.workers)") }
        if configuration.clients != usual.clients { words.append("--clients \(configuration.clients)") }
        let (there, absent) = (configuration.faults.members, configuration.faults.absent)
        if there.isEmpty {
            words.append("--only none")
        } else if there.count < absent.count {
            words.append("--only \(there.map(\.name).joined(separator: ","))")
        } else if !absent.isEmpty {
            words.append("--without \(absent.map(\.name).joined(separator: ","))")
        }
        return words.joined(separator: " ")
    }

    private static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
