import PodlingCore

/// A cluster under one seed: one heap of events, no clock and no randomness of the system.
///
/// Everything happens in `run`, one event after the other; what a component wants to happen later it plans with
/// `after`.
package final class World {
    /// 2026-06-01T00:00:00Z in milliseconds since 1970.
    static let wallStart: Int64 = 1_780_272_000_000
    private static let traceLinesMax = 40_000
    private static let traceLinesShown = 40
    /// What the trace of any task shows too.
    private static let wide = ["master ", "the database", "store", "clock"]
    /// Events between two runs of the costly checks.
    private static let checkEvery = 1_000

    package let configuration: SimulatorConfiguration
    /// Microseconds since the beginning.
    private(set) var now: Int64 = 0
    private(set) var eventCount = 0
    private var heap = EventHeap()
    private var random: SplitMix64
    private var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    private var faultCounts = [Int](repeating: 0, count: Fault.allCases.count)
    private var featureCounts: [String: Int] = [:]
    private(set) var violation: Violation?
    private var lines: [String] = []
    /// Whether faults are injected: not while the cluster comes to rest.
    var isFaulty = true
    private(set) var cluster: Cluster!

    package init(_ configuration: SimulatorConfiguration) {
        self.configuration = configuration
        random = SplitMix64(seed: configuration.seed)
        cluster = Cluster(self)
    }

    func split() -> SplitMix64 { random.split() }

    // MARK: Events

    /// Plans an event in this many microseconds.
    func after(_ microseconds: Int64, _ body: @escaping () -> Void) {
        heap.insert(at: now + max(0, microseconds), body)
    }

    /// Runs to the end, or to the first violation.
    package func run() -> SimulationResult {
        cluster.start()
        run(events: configuration.events, until: .max)
        if violation == nil { comeToRest() }
        return result()
    }

    private func run(events: Int, until end: Int64) {
        let last = eventCount + events
        while violation == nil, eventCount < last, now < end, let next = heap.popFirst() {
            now = next.time
            eventCount += 1
            next.body()
            if eventCount % Self.checkEvery == 0 { cluster.checkAll() }
        }
    }

    /// Runs a part of a cluster that is not started itself, without checks, until a condition holds or nothing happens.
    func run(milliseconds: Int64, until isDone: () -> Bool) {
        let end = now + milliseconds * 1_000
        while !isDone(), now < end, let next = heap.popFirst() {
            now = next.time
            next.body()
        }
    }

    /// Stops all faults, and gives the cluster the time that it needs to finish everything.
    private func comeToRest() {
        isFaulty = false
        cluster.heal()
        let end = now + Cluster.restMicroseconds
        while violation == nil, now < end, !cluster.isAtRest { run(events: .max / 2, until: min(now + 5_000_000, end)) }
        if violation == nil { cluster.checkAll() }
        if violation == nil { cluster.checkRest() }
    }

    private func result() -> SimulationResult {
        var result = SimulationResult(configuration: configuration)
        result.events = eventCount
        result.hash = hash
        result.faults = faultCounts
        result.features = featureCounts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        result.milliseconds = now / 1_000
        result.violation = violation
        if let task = violation?.task {
            let since = lines.firstIndex { $0.contains(task) } ?? lines.count
            let touching = lines[since...].filter { line in
                line.contains(task) || Self.wide.contains { line.contains($0) }
            }
            result.trace = Array(touching.suffix(Self.traceLinesShown))
        } else if violation != nil {
            result.trace = Array(lines.suffix(Self.traceLinesShown))
        }
        return result
    }

    // MARK: Records

    func note(_ bytes: UnsafeRawBufferPointer) {
        note(UInt64(bitPattern: now))
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }

    func note(_ number: UInt64) { hash = (hash ^ number) &* 0x0000_0100_0000_01b3 }

    func used(_ feature: String) { featureCounts[feature, default: 0] += 1 }

    func happened(_ fault: Fault) { faultCounts[fault.rawValue] += 1 }

    /// Whether a fault of this kind happens now, which it does once in `count` times.
    func strikes(_ fault: Fault, onceIn count: Int, _ random: inout SplitMix64) -> Bool {
        guard random.once(in: count), isFaulty, configuration.faults.contains(fault) else { return false }
        happened(fault)
        trace("fault: \(fault.name)")
        return true
    }

    func trace(_ line: @autoclosure () -> String) {
        guard configuration.isTraced else { return }
        lines.append("\(eventCount) \(now / 1_000) ms: \(line())")
        if lines.count > 2 * Self.traceLinesMax { lines.removeFirst(Self.traceLinesMax) }
    }

    /// Records the first violation; the run ends with this event.
    func fail(_ checker: String, _ text: String, task: String? = nil) {
        guard violation == nil else { return }
        trace("violation: \(checker): \(text)")
        violation = Violation(checker: checker, text: text, event: eventCount, task: task)
    }
}
