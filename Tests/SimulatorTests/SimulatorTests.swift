import PodlingSimulator
import Testing

/// Whole clusters under a few seeds; `podling-sim` runs many more, and longer.
@Suite struct SimulatorTests {
    private static func run(
        _ seed: UInt64,
        events: Int,
        _ change: (inout SimulatorConfiguration) -> Void = { _ in }
    )
        -> SimulationResult
    {
        var configuration = SimulatorConfiguration(seed: seed, events: events)
        change(&configuration)
        return World(configuration).run()
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func everyInvariantHolds(seed: UInt64) {
        let result = Self.run(seed, events: 5_000)
        #expect(result.violation == nil, "podling-sim --seed \(seed) --events 5000")
    }

    @Test func theSameSeedGivesTheSameHash() {
        let first = Self.run(42, events: 4_000)
        let second = Self.run(42, events: 4_000)
        #expect(first.hash == second.hash)
        #expect(first.events == second.events)
        #expect(Self.run(43, events: 4_000).hash != first.hash)
    }

    @Test func aTraceChangesNothing() {
        let plain = Self.run(7, events: 4_000)
        let traced = Self.run(7, events: 4_000) { $0.isTraced = true }
        #expect(plain.hash == traced.hash)
    }

    @Test func withoutFaultsNoneHappens() {
        let result = Self.run(3, events: 4_000) { $0.faults = .none }
        #expect(result.violation == nil)
        #expect(result.faults.allSatisfy { $0 == 0 })
        #expect(result.features.contains { $0.name == "start" && $0.count > 20 })
    }

    /// `scripts/simulate.sh` runs them whole, in a release build; here the begin of each.
    @Test(arguments: KeptSeed.all)
    func keptSeedsHold(kept: KeptSeed) {
        #expect(!kept.words.isEmpty && kept.configuration.events > 0)
        var configuration = kept.configuration
        configuration.events = min(configuration.events, 10_000)
        let result = World(configuration).run()
        #expect(result.violation == nil, "\(kept.name): \(kept.words)")
    }
}
