import PodlingCore
import Testing

/// What a store is told of nodes, and what becomes of it in the next run.
@Suite struct NodeRowTests {
    private static func harness() -> CoreHarness { CoreHarness { $0.asksStore = true } }

    @Test func aNodeIsWrittenWhenItComesAndGoes() {
        var harness = Self.harness()
        let extra = #","hostname":"h","engine":"docker","version":"27","labels":{"zone":"b","arch":"arm"}"#
        let worker = harness.worker(1, node: "n1", slots: 3, extra: extra)
        let first = harness.core.takeChanges().nodes
        var row = NodeRow(id: "n1")
        (row.instance, row.hostname, row.engine, row.version) = ("i", "h", "docker", "27")
        (row.labels, row.slots, row.cpuMillis, row.memoryBytes) = (
            ["zone": "b", "arch": "arm"], 3, 4_000, 1_000_000_000
        )
        (row.isOnline, row.registeredAt, row.lastSeenAt) = (true, harness.now.wall, harness.now.wall)
        #expect(first == [row])
        // The same once more.
        harness.send(#"{"op":"register","slots":3,"cpu":4,"memory":1000000000\#(extra)}"#, from: worker)
        var hasChanges = harness.core.hasChanges
        #expect(!hasChanges)
        harness.send(#"{"op":"register","slots":4,"cpu":4,"memory":1000000000\#(extra)}"#, from: worker)
        #expect(harness.core.takeChanges().nodes.map(\.slots) == [4])
        harness.close(worker)
        #expect(harness.core.takeChanges().nodes.map(\.isOnline) == [false])
        harness.advance(milliseconds: 20_000)
        hasChanges = harness.core.hasChanges
        #expect(!hasChanges, "its lease ended when it was offline already")
    }

    @Test func heartbeatsAndTasksAreNoChanges() {
        var harness = Self.harness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        _ = harness.core.takeChanges()
        harness.send(#"{"op":"heartbeat"}"#, from: worker)
        _ = harness.report(harness.submit(from: client), 1, "completed", from: worker)
        #expect(harness.core.takeChanges().nodes.isEmpty)
    }

    /// Each node's turn comes once in the period, and with few rows at a time.
    @Test func lastHeartbeatsAreWrittenSparsely() {
        var harness = Self.harness()
        let workers = (0..<60).map { harness.worker($0 + 1, node: "n\($0)") }
        harness.advance(milliseconds: 250)
        _ = harness.core.takeChanges()
        var writes: [String: Int] = [:]
        for _ in 0..<60 {
            for worker in workers { harness.send(#"{"op":"heartbeat"}"#, from: worker) }
            harness.advance(milliseconds: 1_000)
            let rows = harness.core.takeChanges().nodes
            #expect(rows.count <= 2)
            for row in rows { writes[row.id, default: 0] += 1 }
        }
        #expect(writes.count == 60)
        #expect(Set(writes.values) == [2])
    }

    @Test func aStoreThatKeepsNothingIsToldNoHeartbeats() {
        var harness = CoreHarness()
        let worker = harness.worker(1, node: "n1")
        harness.core.dropChanges()
        for _ in 0..<40 {
            harness.send(#"{"op":"heartbeat"}"#, from: worker)
            harness.advance(milliseconds: 1_000)
        }
        let hasChanges = harness.core.hasChanges
        #expect(!hasChanges)
    }

    @Test func aDrainIsWrittenOnceAndAForgottenNodeIsRemoved() {
        var harness = CoreHarness {
            $0.asksStore = true
            $0.nodeAgeMilliseconds = 60_000
        }
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        _ = harness.core.takeChanges()
        harness.send(#"{"op":"drain","nodeId":"n1"}"#, from: client)
        #expect(harness.core.takeChanges().nodes.map(\.isDraining) == [true])
        harness.send(#"{"op":"drain","nodeId":"n1"}"#, from: client)
        let hasChanges = harness.core.hasChanges
        #expect(!hasChanges)
        harness.send(#"{"op":"drain","nodeId":"n1","on":false}"#, from: client)
        #expect(harness.core.takeChanges().nodes.map(\.isDraining) == [false])
        harness.close(worker)
        _ = harness.core.takeChanges()
        harness.advance(milliseconds: 61_000)
        let batch = harness.core.takeChanges()
        #expect(batch.removedNodeIDs == ["n1"])
        #expect(batch.nodes.isEmpty)
    }

    @Test func aDrainedNodeIsDrainedInTheNextRun() {
        var harness = Self.harness()
        let client = harness.client()
        _ = harness.worker(1, node: "n1", extra: #","labels":{"a":"b"}"#)
        harness.send(#"{"op":"drain","nodeId":"n1"}"#, from: client)
        let rows = harness.core.takeChanges().nodes
        let before = harness.send(#"{"op":"nodes"}"#, from: client).last ?? ""

        var next = Self.harness()
        next.now.wall += 7_200_000
        let isTaken = next.core.restoreNode(rows[0])
        let isTakenTwice = next.core.restoreNode(rows[0])
        #expect(isTaken && !isTakenTwice)
        // It is offline until it registers, and the store is told so.
        #expect(next.core.takeChanges().nodes.map(\.isOnline) == [false])
        let other = next.client()
        next.advance(milliseconds: 1_000)
        let after = next.send(#"{"op":"nodes"}"#, from: other).last
        #expect(after == before.replacing("online", with: "offline"))
        let task = next.submit(from: other)
        let worker = next.worker(1, node: "n1", extra: #","labels":{"a":"b"}"#)
        #expect(next.task(task).contains("pending"))
        #expect(next.send(#"{"op":"heartbeat"}"#, from: worker).last?.contains(#""quiet":true"#) == true)
        next.send(#"{"op":"drain","nodeId":"n1","on":false}"#, from: other)
        #expect(next.task(task).contains("scheduled"))
    }

    /// The tasks come after the nodes, and find them.
    @Test func aRestoredNodeKeepsItsTasksForItsGrace() {
        var harness = Self.harness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        let batch = harness.core.takeChanges()
        var next = Self.harness()
        for row in batch.nodes { next.core.restoreNode(row) }
        for row in batch.tasks { next.core.restore(row) }
        next.core.endRestore()
        next.advance(milliseconds: 25_000)
        #expect(next.task(task).contains(#""status":"running""#))
        let again = next.worker(1, node: "n1", extra: #","attempts":[{"taskId":"\#(task)","attempt":1}]"#)
        let answers = next.report(task, 1, "completed", from: again)
        #expect(answers.contains { $0.contains(#""ok":{}"#) })
    }

    @Test func aStandbyTellsTheNodesOfTheStore() {
        var harness = Self.harness()
        harness.core.standBy(leader: "host-1:7070")
        let client = harness.client()
        #expect(harness.send(#"{"op":"nodes","id":1,"limit":1,"cursor":"a b"}"#, from: client).isEmpty)
        let asked = harness.queries()
        guard case .nodes(let cursor, let limit)? = asked.first?.query else {
            Issue.record("asked \(asked)")
            return
        }
        #expect((cursor, limit) == ("a b", 1))
        var page = StorePage()
        page.nodes = [NodeRow(id: "c \"d\""), NodeRow(id: "e")]
        page.nodes[0].isDraining = true
        harness.answer(asked[0], page)
        #expect(
            harness.take(client) == [
                #"{"re":1,"ok":{"nodes":[{"nodeId":"c \"d\"","status":"offline","draining":true,"slots":0,"used":0,"#
                    + #""cpuUsed":0,"memoryUsed":0}],"cursor":"c \"d\""}}"#
            ]
        )
    }
}
