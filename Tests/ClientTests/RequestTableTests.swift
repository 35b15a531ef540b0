import Testing

@testable import PodlingClient

struct RequestTableTests {
    private struct Lost: Error, Equatable {}

    @Test func eachWaiterIsTakenOnce() {
        var table = RequestTable<String, String>()
        let (first, second) = (table.nextId(), table.nextId())
        #expect(first != second)
        #expect(table.wait(first, "a") == nil)
        #expect(table.wait(second, "b") == nil)
        #expect(table.takeWaiter(second) == "b")
        #expect(table.takeWaiter(second) == nil)
        #expect(table.takeWaiter(first) == "a")
    }

    @Test func theEndTellsAllAndRefusesNewOnes() {
        var table = RequestTable<String, String>()
        _ = table.wait(table.nextId(), "a")
        table.subscribe(3, "s")
        let closed = table.close(Lost())
        #expect(closed.waiters == ["a"])
        #expect(closed.sinks == ["s"])
        #expect(closed.error is Lost)
        #expect(table.wait(table.nextId(), "late") is Lost)
        #expect(table.sink(3) == nil)
    }

    @Test func whatTheMasterSaidBeforeItClosedIsTheReason() {
        var table = RequestTable<String, String>()
        table.fatal = PodlingError(code: "slow_consumer", message: "", isRetryable: true, isFatal: true)
        #expect((table.close(Lost()).error as? PodlingError)?.code == "slow_consumer")
    }
}
