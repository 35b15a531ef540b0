import PodlingSimulator

/// What all seeds of a run came to.
struct Totals {
    private var seedCount = 0
    private var events = 0
    private var seconds = 0.0
    private var faults = [Int](repeating: 0, count: Fault.allCases.count)

    mutating func add(_ result: SimulationResult, duration: Duration) {
        seedCount += 1
        events += result.events
        seconds += duration / .seconds(1)
        for (index, count) in result.faults.enumerated() { faults[index] += count }
    }

    var text: String {
        let rate = seconds > 0 ? Int(Double(events) / seconds) : 0
        return "all: \(seedCount) seeds, \(events) events, \(rate) events a second\n"
            + "  faults: \(Report.text(ofFaults: faults))"
    }

    /// The kinds that happened less often than that, of those that were to happen.
    func rare(than count: Int, of wanted: FaultSet) -> [Fault] {
        zip(Fault.allCases, faults).filter { wanted.contains($0) && $1 < count }.map(\.0)
    }
}
