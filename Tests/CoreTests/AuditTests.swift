import PodlingCore
import PodlingProtocol
import Testing

/// Transitions as a store keeps them, and what `watch` makes of them in the next run (proto-spec.md, section 6.8).
@Suite struct AuditTests {
    private static func harness(_ epoch: String = "e1") -> CoreHarness {
        CoreHarness {
            $0.isAudited = true
            $0.asksStore = true
            $0.epoch = epoch
        }
    }

    /// A run that goes on after these.
    private static func next(_ epoch: String, _ batches: [StoreBatch], runs: [String]) -> CoreHarness {
        var harness = harness(epoch)
        let events = batches.flatMap(\.events)
        harness.core.restore(EventTrail(runs: runs, lastNumber: events.last?.number ?? 0))
        var tasks: [TaskID: TaskRow] = [:]
        for row in batches.flatMap(\.tasks) {
            let spec = tasks[row.id]?.spec
            tasks[row.id] = row
            tasks[row.id]?.spec = row.spec ?? spec
        }
        for row in tasks.values.sorted(by: { $0.id < $1.id }) { harness.core.restore(row) }
        if !events.isEmpty { harness.core.restoreEvents(events) }
        harness.core.endRestore()
        harness.core.lead(now: harness.now)
        return harness
    }

    private static func told(_ lines: [String]) -> [String] {
        lines.filter { $0.contains(#""ev":"task""#) }.map { line in
            ["cursor", "taskId", "name", "from", "to"].map { CoreHarness.text(of: $0, in: line) ?? "" }
                .joined(separator: " ")
        }
    }

    @Test func whoCausedATransitionIsKept() {
        var harness = Self.harness()
        let client = CoreHarness.session(0)
        harness.open(client, peer: "192.0.2.1:4711")
        let first = harness.submit(from: client)
        let worker = harness.worker(1, node: "n1")
        _ = harness.report(first, 1, "running", from: worker)
        _ = harness.report(first, 1, "failed", #","exitCode":3"#, from: worker)
        let second = harness.submit(#","onNodeLost":"fail""#, from: client)
        _ = harness.report(second, 1, "running", from: worker)
        harness.close(worker)
        harness.advance(milliseconds: 20_000)
        let third = harness.submit(from: client)
        harness.send(#"{"op":"cancel","taskId":"\#(third)"}"#, from: client)
        let rows = harness.core.takeChanges().events
        let texts = rows.map { row in
            "\(row.number) \(row.taskID) \(row.attempt) \(row.nodeID ?? "-") \(row.from?.name.description ?? "-") "
                + "\(row.to.name) \(row.reason.name) \(row.actor)"
        }
        #expect(
            texts == [
                "1 \(first) 0 - - pending none client 192.0.2.1:4711", "2 \(first) 1 n1 pending scheduled none master",
                "3 \(first) 1 n1 scheduled running none node n1", "4 \(first) 1 n1 running failed exit_code node n1",
                "5 \(second) 0 - - pending none client 192.0.2.1:4711",
                "6 \(second) 1 n1 pending scheduled none master", "7 \(second) 1 n1 scheduled running none node n1",
                "8 \(second) 1 n1 running failed node_lost master",
                "9 \(third) 0 - - pending none client 192.0.2.1:4711",
                "10 \(third) 0 - pending cancelled cancelled client 192.0.2.1:4711",
            ]
        )
        #expect(harness.core.takeChanges().events.isEmpty)
    }

    /// The store was asked in between.
    @Test func anImportIsItsClients() {
        var harness = Self.harness()
        let client = CoreHarness.session(0)
        harness.open(client, peer: "192.0.2.1:4711")
        harness.send(
            #"{"op":"import","tasks":[{"taskId":"old-1","name":"a","image":"b","status":"pending","attempt":0,"#
                + #""createdAt":"2026-01-02T03:04:05.678Z"}]}"#,
            from: client
        )
        for query in harness.queries() { harness.answer(query, StorePage()) }
        let rows = harness.core.takeChanges().events
        #expect(rows.map(\.taskID) == ["old-1"])
        #expect(rows.map(\.actor) == ["client 192.0.2.1:4711"])
    }

    @Test func withoutTheAuditNothingIsHandedOver() {
        var harness = CoreHarness { $0.asksStore = true }
        harness.core.lead(now: harness.now)
        _ = harness.submit(from: harness.client())
        let batch = harness.core.takeChanges()
        #expect(batch.tasks.count == 1)
        #expect(batch.events.isEmpty && batch.newRun == nil)
    }

    /// Before any cursor of it is told.
    @Test func aRunSaysThatItBegins() {
        var harness = Self.harness("e7")
        harness.core.lead(now: harness.now)
        let hasChanges = harness.core.hasChanges
        #expect(hasChanges)
        #expect(harness.core.takeChanges().newRun == "e7")
        #expect(harness.core.takeChanges().newRun == nil)
    }

    @Test func aWatchGoesOnInTheNextRunAndTheOneAfter() {
        var first = Self.harness("e1")
        var client = first.client()
        first.send(#"{"op":"watch"}"#, from: client)
        let a = first.submit(from: client)
        let b = first.submit(from: client)
        first.send(#"{"op":"cancel","taskId":"\#(a)"}"#, from: client)
        let one = first.core.takeChanges()

        var second = Self.next("e2", [one], runs: ["e1"])
        client = second.client()
        let told = second.send(#"{"op":"watch","id":1,"cursor":"e1:1"}"#, from: client)
        #expect(told.first == #"{"re":1,"ok":{"sub":1,"cursor":"e2:1"}}"#)
        #expect(Self.told(told) == ["e2:2 \(b) a  pending", "e2:3 \(a) a pending cancelled"])
        let c = second.submit(from: client)
        #expect(Self.told(second.take(client)).isEmpty)
        second.send(#"{"op":"cancel","taskId":"\#(b)"}"#, from: client)
        #expect(Self.told(second.take(client)).isEmpty)
        let two = second.core.takeChanges()
        #expect(two.events.map(\.number) == [4, 5])

        var third = Self.next("e3", [one, two], runs: ["e1", "e2"])
        client = third.client()
        let places = [("e1:3", 4...5), ("e2:3", 4...5), ("e2:1", 2...5), ("e1:0", 1...5)]
        for (index, (cursor, numbers)) in places.enumerated() {
            let told = third.send(#"{"op":"watch","cursor":"\#(cursor)"}"#, from: client)
            let cursors = Self.told(told).compactMap { $0.split(separator: " ").first.map(String.init) }
            #expect(cursors == numbers.map { "e3:\($0)" })
            third.close(client)
            client = third.client(index + 1)
        }
        #expect(Self.told(third.send(#"{"op":"watch","cursor":"e2:5"}"#, from: client)).isEmpty)
        let cancelled = third.send(#"{"op":"cancel","taskId":"\#(c)"}"#, from: client)
        #expect(Self.told(cancelled) == ["e3:6 \(c) a pending cancelled"])
        for cursor in ["e0:3", "e1:7", "e9:1"] {
            let reply = third.send(#"{"op":"watch","cursor":"\#(cursor)"}"#, from: client)
            #expect(reply.first?.contains("cursor_expired") == true)
        }
    }

    @Test func whatTheTrailDoesNotKnowIsExpired() {
        var first = Self.harness("e1")
        _ = first.submit(from: first.client())
        let one = first.core.takeChanges()
        // A run without the audit was between.
        var second = Self.next("e3", [one], runs: [])
        let client = second.client()
        let reply = second.send(#"{"op":"watch","cursor":"e1:1"}"#, from: client)
        #expect(reply.first?.contains("cursor_expired") == true)
    }

    @Test func nobodyGoesOnFromBeforeAMissingRow() {
        var first = Self.harness("e1")
        let client = first.client()
        for _ in 0..<5 { _ = first.submit(from: client) }
        var one = first.core.takeChanges()
        one.events.remove(at: 2)
        var second = Self.next("e2", [one], runs: ["e1"])
        let other = second.client()
        let refused = second.send(#"{"op":"watch","cursor":"e1:2"}"#, from: other)
        #expect(refused.first?.contains("cursor_expired") == true)
        #expect(Self.told(second.send(#"{"op":"watch","cursor":"e1:3"}"#, from: other)).count == 2)
    }

    /// Tasks that are gone, of ours and of another system, are told by their ids.
    @Test func transitionsOfTasksThatAreGoneAreTold() {
        let rows = ["t000000000009", "4711-old"].enumerated().map { index, id in
            TaskEventRow(
                number: 41 + index,
                taskID: id,
                attempt: 1,
                nodeID: "n \"1\"",
                at: 1_790_000_000_000,
                from: .running,
                to: .completed,
                reason: .none,
                actor: "node n1"
            )
        }
        var batch = StoreBatch()
        batch.events = rows
        var harness = Self.next("e2", [batch], runs: ["e1"])
        let client = harness.client()
        let told = harness.send(#"{"op":"watch","cursor":"e1:40"}"#, from: client)
        #expect(Self.told(told) == ["e2:41 t000000000009  running completed", "e2:42 4711-old  running completed"])
        #expect(harness.send(#"{"op":"watch","cursor":"e1:40","taskId":"4711-old"}"#, from: client).isEmpty)
        // Not even the store has it.
        for query in harness.queries() { harness.answer(query, StorePage()) }
        #expect(Self.told(harness.take(client)) == ["e2:42 4711-old  running completed"])
        #expect(harness.task("4711-old").contains("not_found") || !harness.queries().isEmpty)
    }
}
