import PodlingCore
import PodlingProtocol
import Testing

@Suite struct EdgeTests {
    @Test(arguments: [Int.max, Int.max - 1, 1 << 53])
    func aCursorBeyondAllEventsIsExpired(number: Int) {
        var harness = CoreHarness()
        let client = harness.client()
        let answer = harness.send(#"{"op":"watch","cursor":"e1:\#(number)"}"#, from: client)
        #expect(answer.first?.contains(#""code":"cursor_expired""#) == true)
    }

    @Test func subscriptionsOfClosedConnectionsMakeRoom() {
        var harness = CoreHarness { $0.subscriptionsMax = 6 }
        let task = harness.submit(from: harness.client())
        for generation in UInt32(2)..<6 {
            let session = CoreHarness.session(1, generation)
            harness.open(session)
            for _ in 0..<3 {
                let operation = generation.isMultiple(of: 2) ? "wait" : "logs"
                let line = #"{"op":"\#(operation)","follow":true,"taskId":"\#(task)"}"#
                #expect(harness.send(line, from: session).last?.contains(#""sub":"#) == true)
            }
            harness.close(session)
        }
    }

    @Test func aTaskKeptForALostNodeCanBeCancelled() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(#","onNodeLost":"keep""#, from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.close(worker)
        harness.advance(milliseconds: 16_000)
        #expect(harness.task(task).contains(#""status":"running""#))
        let answer = harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client)
        #expect(answer.first?.contains(#""status":"cancelled""#) == true)
        let again = CoreHarness.session(1, 2)
        harness.open(again)
        let lines = harness.send(
            #"{"op":"hello","proto":1,"role":"worker","node":"n1","instance":"i"}"#,
            #"{"op":"register","slots":1,"attempts":[{"taskId":"\#(task)","attempt":1}]}"#,
            from: again
        )
        #expect(lines.last?.contains(#""kill":[{"taskId":"\#(task)""#) == true)
    }

    @Test func whoLostItsNodeToAnotherInstanceMustRegisterAgain() {
        var harness = CoreHarness()
        let first = harness.worker(1, node: "n1", instance: "i1")
        // Past the lease, and before the next tick.
        harness.now.monotonic += 15_001
        let second = harness.worker(2, node: "n1", instance: "i2")
        #expect(harness.send(#"{"op":"deregister"}"#, from: first).last?.contains("unregistered") == true)
        #expect(harness.send(#"{"op":"heartbeat"}"#, from: second).last?.contains(#""ok":"#) == true)
    }

    @Test func whoWaitsIsToldTheEndOfATaskThatIsForgottenAtOnce() {
        var harness = CoreHarness { $0.finishedAgeMilliseconds = 1_000 }
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(#","timeoutSeconds":1"#, from: client)
        harness.advance(milliseconds: 5_000)
        harness.send(#"{"op":"wait","taskId":"\#(task)"}"#, from: client)
        let report =
            #"{"op":"status","taskId":"\#(task)","attempt":1,"status":"completed","finishedAt":"2026-01-01T00:00:00Z"}"#
        harness.sendAndTick(report, from: worker)
        #expect(harness.take(client).last?.contains(#""ev":"done","sub":1,"task":{"taskId":"\#(task)""#) == true)
    }

    @Test func theWatchersOfOneConnectionShareATurn() {
        var harness = CoreHarness()
        let client = harness.client()
        for _ in 0..<100 { _ = harness.submit(from: client) }
        harness.backedUp(client, true)
        for _ in 0..<100 { harness.send(#"{"op":"watch","cursor":"e1:0"}"#, from: client) }
        let before = harness.turns
        harness.backedUp(client, false)
        #expect(harness.take(client).count == 100 * 100)
        #expect(harness.turns - before >= 10)
    }

    @Test(arguments: [#""env":{"A":"$"}"#, #""command":["$"]"#]) func aStringThatIsTooLongIsToldSo(members: String) {
        var harness = CoreHarness()
        let client = harness.client()
        let long = String(repeating: "x", count: Limits.specBytesMax + 1)
        let line = #"{"op":"submit","name":"a","image":"b",\#(members.replacing("$", with: long))}"#
        let said = harness.send(line, from: client).first ?? ""
        #expect(said.contains("must be a string of at most 65536 bytes, without NUL"), "\(said.prefix(300))")
    }
}
