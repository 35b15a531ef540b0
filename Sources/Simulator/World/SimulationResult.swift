/// An invariant that did not hold.
package struct Violation: Sendable, Equatable {
    /// The checker's name.
    package var checker: String
    package var text: String
    /// The number of the event.
    package var event: Int
    /// The task that it is about.
    package var task: String?
}

/// What a run came to.
package struct SimulationResult: Sendable {
    package var configuration: SimulatorConfiguration
    package var events = 0
    /// FNV-1a over everything that was delivered, and when.
    package var hash: UInt64 = 0
    /// How often each kind of fault happened, in the order of `Fault`.
    package var faults: [Int] = []
    /// How often each feature was used, by name.
    package var features: [(name: String, count: Int)] = []
    /// Milliseconds of simulated time.
    package var milliseconds: Int64 = 0
    package var violation: Violation?
    /// The last events that touch the violation's task.
    package var trace: [String] = []
}
