/// How well the store keeps up with its batches.
package enum StoreState: Sendable, Equatable {
    case prompt
    /// The store has been silent for a while. Leases and deadlines are suspended, as replies to workers are held as
    /// well.
    case late
    /// In addition, as much waits for it as may: requests that change something are refused.
    case full
}

/// The health of a store, for `ping`.
package struct StoreHealth: Sendable, Equatable {
    /// For how long it has not answered its continuous probes with the result asked for; 0 if it does.
    package var silentMilliseconds: Int
    /// How often it came back with less than it had acknowledged.
    package var lossCount: Int
    /// Human-readable warnings for its administrator.
    package var warnings: [String]

    package init(silentMilliseconds: Int = 0, lossCount: Int = 0, warnings: [String] = []) {
        (self.silentMilliseconds, self.lossCount, self.warnings) = (silentMilliseconds, lossCount, warnings)
    }
}
