import PodlingCore
import Testing

/// A core that another master leads (proto-spec.md, section 3.1).
@Suite struct LeadershipTests {
    @Test func aStandbySaysWhoLeads() {
        var harness = CoreHarness()
        harness.core.standBy(leader: "host-1:7070")
        let session = CoreHarness.session(1)
        harness.open(session)
        let greeting = harness.take(session).first ?? ""
        #expect(greeting.contains(#""standby":true,"leader":"host-1:7070""#))
        let ping = harness.send(#"{"op":"ping"}"#, from: session).first ?? ""
        #expect(ping.contains(#""standby":true,"leader":"host-1:7070""#))
    }

    /// What it does not hold it does not count; whether its store answers it says, as a leader does.
    @Test func pingTellsNoNumbersOfAStandbyAndHowTheStoreIs() {
        var harness = CoreHarness { $0.asksStore = true }
        let client = harness.client()
        let ping = #"{"op":"ping"}"#
        let leading = harness.send(ping, from: client).first ?? ""
        #expect(leading.contains(#""store":{"status":"ok"},"nodes":{"online":0"#))
        harness.core.store(is: StoreHealth(silentMilliseconds: 7_900))
        #expect(harness.send(ping, from: client).first?.contains(#""store":{"status":"away","awaySeconds":7}"#) == true)
        harness.core.store(is: StoreHealth())
        harness.core.standBy(leader: nil)
        let standby = harness.send(ping, from: client).first ?? ""
        #expect(standby.hasSuffix(#""uptimeSeconds":0,"store":{"status":"ok"}}}"#), "\(standby)")
        var memory = CoreHarness()
        let other = memory.client()
        #expect(memory.send(ping, from: other).first?.contains("store") == false)
    }

    @Test(arguments: [
        #"{"op":"submit","name":"a","image":"b"}"#, #"{"op":"cancel","taskId":"t000000000001"}"#,
        #"{"op":"watch"}"#, #"{"op":"drain","nodeId":"n"}"#, #"{"op":"register","slots":1}"#, #"{"op":"heartbeat"}"#,
        #"{"op":"hello","proto":1,"role":"worker","node":"n","instance":"i"}"#,
        #"{"op":"wait","taskId":"t000000000001"}"#,
        #"{"op":"logs","taskId":"t000000000001"}"#, #"{"op":"submit_many","tasks":[]}"#,
    ])
    func aStandbyRefuses(_ line: String) {
        var harness = CoreHarness()
        let session = CoreHarness.session(1)
        harness.core.standBy(leader: "host-1:7070")
        harness.open(session)
        let reply = harness.send(line, from: session).last ?? ""
        #expect(reply.contains(#""code":"not_leader""#))
        #expect(reply.contains(#""retryable":true,"leader":"host-1:7070"}"#))
        #expect(harness.closed.isEmpty)
    }

    @Test func whereNoneLeadsAnErrorSaysWhenToTryAgain() {
        var harness = CoreHarness()
        let session = CoreHarness.session(1)
        harness.core.standBy(leader: nil)
        harness.open(session)
        let reply = harness.send(#"{"op":"submit","name":"a","image":"b"}"#, from: session).last ?? ""
        #expect(reply.contains(#""retry_after_ms":500"#) && !reply.contains(#""leader""#))
    }

    @Test func aSessionStaysWhenItsMasterComesToLead() {
        var harness = CoreHarness()
        let session = CoreHarness.session(1)
        harness.core.standBy(leader: nil)
        harness.open(session)
        harness.send(#"{"op":"hello","proto":1,"role":"client"}"#, from: session)
        harness.core.lead(now: harness.now)
        let task = harness.submit(from: session)
        #expect(harness.task(task).contains(#""status":"pending""#))
    }

    /// What it does not hold is left to the store, and answered when the store has.
    @Test func readsAreLeftToTheStore() {
        var harness = CoreHarness { $0.asksStore = true }
        let client = harness.client()
        harness.core.standBy(leader: "host-1:7070")
        #expect(harness.send(#"{"op":"get","id":7,"taskId":"x"}"#, from: client).isEmpty)
        let isAsking = harness.core.isAsking(client)
        #expect(isAsking)
        let asked = harness.queries()
        #expect(asked.count == 1)
        var row = TaskRow(foreignID: "x", createdAt: 1_790_000_000_000)
        row.spec = Array(#""name":"a","image":"b""#.utf8)
        harness.answer(asked[0], StorePage(tasks: [row]))
        let reply = harness.take(client).first ?? ""
        #expect(
            reply
                == #"{"re":7,"ok":{"taskId":"x","status":"pending","attempt":0,"createdAt":"2026-09-21T14:13:20.000Z","#
                + #""name":"a","image":"b"}}"#
        )
        harness.send(#"{"op":"get","taskId":"y"}"#, from: client)
        harness.answer(harness.queries()[0], StorePage(tasks: []))
        #expect(harness.take(client).first?.contains("not_found") == true)
        harness.send(#"{"op":"list","id":"l","limit":1}"#, from: client)
        harness.answer(harness.queries()[0], StorePage(tasks: [row], last: row))
        #expect(harness.take(client).first?.hasSuffix(#"],"cursor":"1790000000000/x"}}"#) == true)
        harness.send(#"{"op":"list"}"#, from: client)
        harness.answer(harness.queries()[0], nil)
        #expect(harness.take(client).first?.contains(#""code":"unavailable""#) == true)
    }

    @Test func aLeaderAsksForWhatItForgotOnly() {
        var harness = CoreHarness { $0.asksStore = true }
        let client = harness.client()
        let task = harness.submit(from: client)
        #expect(harness.task(task).contains("pending"))
        #expect(harness.send(#"{"op":"list"}"#, from: client).count == 1)
        harness.send(#"{"op":"get","taskId":"t000000000000"}"#, from: client)
        let asked = harness.queries()
        #expect(asked.count == 1)
        harness.close(client)
        let other = harness.client(9)
        harness.send(#"{"op":"list","history":true}"#, from: other)
        let more = harness.queries()
        #expect(more.count == 1)
    }
}
