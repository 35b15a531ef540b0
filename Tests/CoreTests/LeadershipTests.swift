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
}
