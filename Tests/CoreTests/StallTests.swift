import PodlingCore
import Testing

/// A master that stood still ends no wait for a peer by that; a task's own clock goes on.
@Suite struct StallTests {
    @Test func leasesMoveByAStall() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1", slots: 2)
        let running = harness.submit(from: client)
        _ = harness.report(running, 1, "running", from: worker)
        let scheduled = harness.submit(from: client)
        harness.stall(milliseconds: 34_000)
        #expect(harness.task(running).contains(#""status":"running""#))
        #expect(harness.task(scheduled).contains(#""status":"scheduled""#))
        // From here on it is as it was before.
        harness.advance(milliseconds: 16_000)
        #expect(harness.task(running).contains(#""reason":"node_lost""#))
    }

    @Test func aLeaseThatWasRenewedSinceTheStallDoesNotMove() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.stall(milliseconds: 34_000) { $0.send(#"{"op":"heartbeat"}"#, from: worker) }
        harness.advance(milliseconds: 1_000)
        harness.send(#"{"op":"heartbeat"}"#, from: worker)
        #expect(harness.core.checkInvariants() == nil)
        harness.advance(milliseconds: 15_250)
        #expect(harness.task(task).contains(#""reason":"node_lost""#))
    }

    @Test func outputThatIsAwaitedMovesByAStall() {
        var harness = CoreHarness { $0.leaseMilliseconds = 1_000_000 }
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.send(#"{"op":"logs","taskId":"\#(task)"}"#, from: client)
        harness.stall(milliseconds: 34_000)
        #expect(harness.take(client).isEmpty)
        harness.advance(milliseconds: 10_250)
        #expect(harness.take(client).last?.contains(#""code":"unavailable""#) == true)
    }

    @Test func aTimeoutDoesNotMove() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(#","timeoutSeconds":20"#, from: client)
        _ = harness.report(task, 1, "running", from: worker)
        _ = harness.take(worker)
        harness.stall(milliseconds: 21_000)
        #expect(harness.take(worker).contains { $0.contains(#""code":"timed_out""#) })
    }
}
