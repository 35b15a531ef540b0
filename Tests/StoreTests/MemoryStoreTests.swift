import PodlingCore
import Testing

@testable import PodlingStore

@Suite struct MemoryStoreTests {
    @Test func aBatchIsDurableAtOnceAndNothingIsCopiedForIt() async {
        let store = MemoryStore()
        #expect(!store.keepsRows)
        #expect(store.commit(StoreBatch()) { _ in Issue.record("it said so already") } == .durable)
        await store.close()
    }
}
