/// How the store keeps up with what it is handed.
public enum StoreState: Sendable, Equatable {
    case prompt
    /// It has been silent for a while. Leases and deadlines stand still: the answers to workers are held up as well.
    case late
    /// And as much waits for it as may: what would change something is refused.
    case full
}

/// How a store is, for `ping`.
public struct StoreHealth: Sendable, Equatable {
    /// How long it has not answered those who ask it all the time, with what was asked; 0 where it does.
    public var silentMilliseconds: Int
    /// How often it came back with less than it had acknowledged.
    public var lossCount: Int
    /// Human-readable warnings for its administrator.
    public var warnings: [String]

    public init(silentMilliseconds: Int = 0, lossCount: Int = 0, warnings: [String] = []) {
        (self.silentMilliseconds, self.lossCount, self.warnings) = (silentMilliseconds, lossCount, warnings)
    }
}
