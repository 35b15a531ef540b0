/// Makes a failure smaller: fewer kinds of fault, fewer processes, while the same checker still fails.
package struct Minimizer {
    private let checker: String
    private var best: SimulatorConfiguration

    /// - Parameter result: a run with a violation.
    package init?(_ result: SimulationResult) {
        guard let violation = result.violation else { return nil }
        checker = violation.checker
        best = result.configuration
        best.isTraced = false
    }

    /// Another seed of the same kind is often found sooner than a smaller run of this one, so each try has this many.
    private static let seedsPerTry: UInt64 = 4

    /// - Parameter tell: called with each smaller run that fails too.
    /// - Returns: the smallest run that was found, traced.
    package mutating func run(_ tell: (SimulationResult) -> Void) -> SimulationResult {
        shorten(World(best).run())
        var hasShrunk = true
        while hasShrunk {
            hasShrunk = false
            for smaller in candidates() {
                guard let result = failing(smaller) else { continue }
                shorten(result)
                tell(result)
                hasShrunk = true
                break
            }
        }
        best.isTraced = true
        return World(best).run()
    }

    private mutating func shorten(_ result: SimulationResult) {
        best = result.configuration
        if let violation = result.violation { best.events = min(best.events, violation.event) }
    }

    private func failing(_ configuration: SimulatorConfiguration) -> SimulationResult? {
        for offset in 0..<Self.seedsPerTry {
            var configuration = configuration
            configuration.seed &+= offset
            let result = World(configuration).run()
            if result.violation?.checker == checker { return result }
        }
        return nil
    }

    private func candidates() -> [SimulatorConfiguration] {
        var all: [SimulatorConfiguration] = []
        func add(_ change: (inout SimulatorConfiguration) -> Void) {
            var smaller = best
            change(&smaller)
            all.append(smaller)
        }
        if best.masters > 1 { add { $0.masters -= 1 } }
        if best.workers > 1 { add { $0.workers -= 1 } }
        if best.clients > 1 { add { $0.clients -= 1 } }
        for fault in best.faults.members { add { $0.faults.remove(fault) } }
        return all
    }
}
