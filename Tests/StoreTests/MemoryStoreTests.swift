import FoundationEssentials
import PodlingStore
import StoreTesting
import Testing

@Suite struct MemoryStoreTests {
    /// Its stores have nothing in common, nothing holds them up, and nothing is refused.
    private struct Stand: StoreStand {
        let promises = StorePromises(keepsRows: false, keepsEvents: false, givesUp: false)
        var now: Int64 { Int64(Date().timeIntervalSince1970) * 1_000 }

        func open(_ address: String, hasLongLease: Bool, heldMax: Int) async throws -> any StoreInTest {
            let store = MemoryStore()
            store.advertise(address)
            return RealStore(store)
        }

        func takeLeadAway() async throws {}
        func refuseRows() async throws {}
        func holdUp() async throws {}
        func goOn() async throws {}
    }

    @Test(.timeLimit(.minutes(1)), arguments: StoreCheck.allCases)
    func itKeepsToWhatStoresPromise(check: StoreCheck) async throws { try await check.run(on: Stand()) }
}
