import PodlingCore
import Testing

@Suite struct LeaseTests {
    @Test func aSilentNodeLosesItsTasksAndItsLateReportIsStale() {
        var harness = CoreHarness()
        let client = harness.client()
        let first = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        #expect(harness.take(first).last?.contains(#""ev":"assign""#) == true)
        _ = harness.report(task, 1, "running", from: first)
        let second = harness.worker(2, node: "n2")
        _ = harness.take(second)
        for _ in 0..<3 {
            harness.advance(milliseconds: 4_900)
            harness.send(#"{"op":"heartbeat"}"#, from: second)
        }
        #expect(harness.task(task).contains(#""status":"running","attempt":1,"nodeId":"n1""#))
        harness.advance(milliseconds: 1_000)
        #expect(harness.task(task).contains(#""status":"scheduled","attempt":2,"nodeId":"n2""#))
        #expect(harness.report(task, 1, "completed", from: first).last?.contains("unregistered") == true)
        let answer = harness.send(
            #"{"op":"register","slots":1,"attempts":[{"taskId":"\#(task)","attempt":1}]}"#,
            from: first
        )
        #expect(answer.first?.contains(#""kill":[{"taskId":"\#(task)","attempt":1,"code":"stale_attempt"}]"#) == true)
        #expect(harness.report(task, 1, "completed", from: first).first?.contains(#""code":"stale_attempt""#) == true)
        #expect(harness.report(task, 2, "completed", from: first).first?.contains(#""code":"stale_attempt""#) == true)
        #expect(harness.report(task, 2, "running", from: second).last?.contains(#""ok":{}"#) == true)
    }

    @Test func anyLineRenewsTheLease() {
        var harness = CoreHarness()
        let worker = harness.worker(1, node: "n1")
        for _ in 0..<10 {
            harness.advance(milliseconds: 14_000)
            harness.send(#"{"op":"ping"}"#, from: worker)
        }
        harness.send(#"{"op":"heartbeat","id":7}"#, from: worker)
        #expect(harness.send(#"{"op":"heartbeat","id":8}"#, from: worker).last?.contains(#""re":8,"ok""#) == true)
    }

    @Test func aBadLineDoesNot() {
        var harness = CoreHarness()
        let worker = harness.worker(1, node: "n1")
        harness.advance(milliseconds: 14_000)
        harness.send("{bad", from: worker)
        harness.advance(milliseconds: 1_250)
        #expect(harness.send(#"{"op":"heartbeat","id":8}"#, from: worker).last?.contains("unregistered") == true)
    }

    /// Leases count by the monotonic clock: the other one may be set by an hour either way.
    @Test(arguments: [-3_600_000, 3_600_000] as [Int64]) func aClockThatIsSetMovesNoLease(milliseconds: Int64) {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.now.wall += milliseconds
        harness.advance(milliseconds: 14_000)
        #expect(harness.task(task).contains(#""status":"running","attempt":1"#))
        harness.send(#"{"op":"heartbeat"}"#, from: worker)
        harness.now.wall -= milliseconds
        harness.advance(milliseconds: 14_000)
        #expect(harness.task(task).contains(#""status":"running","attempt":1"#))
        harness.advance(milliseconds: 1_250)
        #expect(harness.task(task).contains(#""status":"pending""#))
    }

    @Test func aDroppedConnectionKeepsItsTasksUntilTheLeaseEnds() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.close(worker)
        harness.advance(milliseconds: 10_000)
        #expect(harness.task(task).contains(#""status":"running","attempt":1"#))
        let again = harness.worker(
            1,
            node: "n1",
            extra: #","attempts":[{"taskId":"\#(task)","attempt":1}]"#,
            generation: 2
        )
        #expect(harness.take(again).isEmpty)
        #expect(harness.report(task, 1, "completed", from: again).first?.contains(#""ok":{}"#) == true)
    }

    @Test(arguments: [("requeue", "pending", "node_lost"), ("fail", "failed", "node_lost"), ("keep", "running", "")])
    func onNodeLost(policy: String, status: String, reason: String) {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(#","onNodeLost":"\#(policy)""#, from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.advance(milliseconds: 15_250)
        let found = harness.task(task)
        #expect(found.contains(#""status":"\#(status)""#))
        #expect(reason.isEmpty || found.contains(#""reason":"\#(reason)""#))
    }

    @Test func attemptsLostWithNodesAreBounded() {
        var harness = CoreHarness()
        let client = harness.client()
        let task = harness.submit(#","maxAttempts":2"#, from: client)
        for attempt in 1...2 {
            let worker = harness.worker(attempt, node: "n\(attempt)")
            _ = harness.report(task, attempt, "running", from: worker)
            harness.advance(milliseconds: 15_250)
        }
        #expect(harness.task(task).contains(#""status":"failed","attempt":2"#))
        #expect(harness.task(task).contains("lost_too_often"))
    }

    @Test func whatTheMasterGaveUpIsKilledAndWhatEndedIsKept() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1", slots: 2)
        let given = harness.submit(#","onNodeLost":"fail""#, from: client)
        let ended = harness.submit(from: client)
        _ = harness.report(given, 1, "running", from: worker)
        _ = harness.report(ended, 1, "failed", from: worker)
        harness.advance(milliseconds: 15_250)
        let attempts = [given, ended].map { #"{"taskId":"\#($0)","attempt":1}"# }.joined(separator: ",")
        let answer = harness.send(#"{"op":"register","slots":2,"attempts":[\#(attempts)]}"#, from: worker)
        #expect(answer.first?.contains(#""keep":[{"taskId":"\#(ended)","attempt":1}]"#) == true)
        #expect(answer.first?.contains(#""kill":[{"taskId":"\#(given)","attempt":1,"code":"stale_attempt"}]"#) == true)
        #expect(harness.report(given, 1, "completed", from: worker).first?.contains("stale_attempt") == true)
        #expect(harness.report(ended, 1, "cancelled", from: worker).first?.contains(#""ok":{}"#) == true)
    }

    @Test func anUnansweredAssignmentIsPlacedAnewAndNotCharged() {
        var harness = CoreHarness { $0.leaseMilliseconds = 1_000_000 }
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(#","maxAttempts":1"#, from: client)
        _ = harness.take(worker)
        harness.advance(milliseconds: 11_500)
        let lines = harness.take(worker)
        #expect(lines.contains { $0.contains(#""ev":"kill""#) && $0.contains(#""attempt":1"#) })
        #expect(lines.contains { $0.contains(#""ev":"assign""#) && $0.contains(#""attempt":2"#) })
        #expect(harness.report(task, 2, "completed", from: worker).last?.contains(#""ok":{}"#) == true)
    }

    @Test func aTimedOutTaskIsToldToEndAndFails() {
        var harness = CoreHarness { $0.leaseMilliseconds = 1_000_000 }
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(#","timeoutSeconds":2"#, from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.advance(milliseconds: 2_250)
        #expect(harness.take(worker).last?.contains(#""ev":"cancel""#) == true)
        _ = harness.report(task, 1, "cancelled", from: worker)
        #expect(harness.task(task).contains(#""status":"failed""#))
        #expect(harness.task(task).contains(#""reason":"timed_out""#))
    }

    @Test func aCancelIsRepeatedUntilItIsConfirmed() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client)
        #expect(harness.take(worker).last?.contains(#""ev":"cancel""#) == true)
        #expect(harness.send(#"{"op":"heartbeat"}"#, from: worker).last?.contains(#""ev":"cancel""#) == true)
        #expect(harness.task(task).contains(#""cancelRequested":true"#))
        _ = harness.report(task, 1, "cancelled", from: worker)
        #expect(harness.task(task).contains(#""status":"cancelled""#))
        #expect(harness.send(#"{"op":"heartbeat"}"#, from: worker).count == 1)
    }

    @Test func endedTasksAreForgottenByNumberAndAge() {
        var harness = CoreHarness {
            $0.finishedTasksMax = 2
            $0.finishedAgeMilliseconds = 60_000
        }
        let client = harness.client()
        let tasks = (0..<3).map { _ in harness.submit(from: client) }
        for task in tasks { harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client) }
        #expect(harness.task(tasks[0]).contains("not_found"))
        #expect(harness.task(tasks[1]).contains("cancelled"))
        harness.advance(milliseconds: 61_000)
        #expect(harness.task(tasks[2]).contains("not_found"))
    }
}
