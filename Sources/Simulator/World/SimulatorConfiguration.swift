/// One run of the simulator: with the same values it does the same, byte for byte.
package struct SimulatorConfiguration: Sendable, Equatable {
    package var seed: UInt64
    /// How many events happen before the faults stop; what follows is the time in which all must come to rest.
    package var events: Int
    package var masters = 2
    package var workers = 3
    package var clients = 4
    package var faults = FaultSet.all
    /// Whether the lines of the trace are made; costly, so only a run that is known to fail is repeated with it.
    package var isTraced = false

    package init(seed: UInt64, events: Int) {
        self.seed = seed
        self.events = events
    }
}
