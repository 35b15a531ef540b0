import PodlingCore
import PodlingProtocol
import Testing

/// A core that goes on with the rows another one left.
@Suite struct RestoreTests {
    /// The rows of a core after these calls, as a store would have them, and what `list` said.
    private static func left(_ body: (inout CoreHarness) -> Void) -> (rows: [TaskRow], list: String) {
        var harness = CoreHarness()
        var rows: [TaskID: TaskRow] = [:]
        body(&harness)
        let batch = harness.core.takeChanges()
        for row in batch.tasks { rows[row.id] = row }
        let client = harness.client(50)
        let list = harness.send(#"{"op":"list","limit":1000}"#, from: client).last ?? ""
        return (rows.values.sorted { $0.id < $1.id }, list)
    }

    private static func restored(_ rows: [TaskRow]) -> CoreHarness {
        var harness = CoreHarness()
        for row in rows {
            let isTaken = harness.core.restore(row)
            #expect(isTaken)
        }
        harness.core.endRestore()
        return harness
    }

    @Test func listSaysTheSame() {
        let before = Self.left { harness in
            let client = harness.client()
            let worker = harness.worker(1, node: "n1", slots: 4)
            let tasks = (0..<8).map {
                harness.submit(#","priority":\#($0 % 3),"idempotencyKey":"k\#($0)""#, from: client)
            }
            _ = harness.take(worker)
            for task in tasks where harness.task(task).contains("scheduled") {
                _ = harness.report(task, 1, "running", #","containerId":"c1","detail":"d""#, from: worker)
            }
            _ = harness.report(tasks[2], 1, "failed", #","reason":"exit_code","exitCode":3,"error":"e""#, from: worker)
            harness.send(#"{"op":"cancel","taskId":"\#(tasks[7])"}"#, from: client)
            harness.send(#"{"op":"cancel","taskId":"\#(tasks[0])"}"#, from: client)
        }
        var harness = Self.restored(before.rows)
        let client = harness.client(50)
        #expect(before.rows.count == 8)
        #expect(harness.send(#"{"op":"list","limit":1000}"#, from: client).last == before.list)
        let again = harness.send(
            #"{"op":"submit","name":"a","image":"b","priority":1,"idempotencyKey":"k1"}"#,
            from: client
        )
        #expect(again.last?.contains(#""duplicate":true"#) == true)
        let new = harness.submit(from: client)
        #expect(before.rows.allSatisfy { $0.id.text < new })
    }

    /// The clock of the next leader may be behind, and the store has tasks that are not loaded.
    @Test func noIdOfATaskThatIsNotLoadedIsGivenAgain() {
        let before = Self.left { harness in
            let client = harness.client()
            for _ in 0..<3 { _ = harness.submit(from: client) }
        }
        var harness = CoreHarness()
        harness.core.restore(lastID: before.rows[2].id)
        let isTaken = harness.core.restore(before.rows[0])
        #expect(isTaken)
        harness.core.endRestore()
        let client = harness.client(50)
        let new = harness.submit(from: client)
        #expect(before.rows.allSatisfy { $0.id.text < new })
    }

    /// A row that another program wrote may have any id.
    @Test func noIdIsContinuedThatLeavesNoRoom() {
        let top = TaskID(number: 1 << 59 - 1)
        var row = TaskRow(id: top, createdAt: 1_767_300_000_000)
        row.spec = Array(#""name":"a","image":"b""#.utf8)
        var harness = CoreHarness()
        harness.core.restore(lastID: top)
        let isTaken = harness.core.restore(row)
        #expect(!isTaken)
        harness.core.endRestore()
        let client = harness.client(50)
        let new = harness.submit(from: client)
        #expect(harness.task(new).contains(#""status":"pending""#), "a task that nobody can name")
    }

    @Test func aWorkerThatComesBackKeepsWhatItRuns() {
        let before = Self.left { harness in
            let client = harness.client()
            let worker = harness.worker(1, node: "n1", slots: 2)
            for _ in 0..<3 { _ = harness.report(harness.submit(from: client), 1, "running", from: worker) }
        }
        let names = before.rows.map(\.id.text)
        var harness = Self.restored(before.rows)
        let attempts = #","attempts":[{"taskId":"\#(names[0])","attempt":1}]"#
        let worker = harness.worker(1, node: "n1", slots: 2, extra: attempts)
        #expect(harness.task(names[0]).contains(#""status":"running","attempt":1,"nodeId":"n1""#))
        let answers = harness.report(names[0], 1, "completed", from: worker)
        #expect(answers.contains { $0.contains(#""ok":{}"#) }, "\(answers)")
        // It no longer has the second: that runs again, in its next attempt.
        #expect(harness.task(names[1]).contains(#""status":"scheduled","attempt":2"#))
        #expect(harness.task(names[2]).contains(#""status":"scheduled","attempt":1"#))
    }

    /// All workers come back together after an outage of the master that was longer than any lease.
    @Test func manyWorkersThatComeBackAtOnceKeepWhatTheyRun() {
        let slots = 100..<160
        let before = Self.left { harness in
            let client = harness.client()
            for slot in slots {
                let worker = harness.worker(slot, node: "n\(slot)")
                _ = harness.report(harness.submit(from: client), 1, "running", from: worker)
            }
        }
        #expect(before.rows.count == slots.count)
        var harness = Self.restored(before.rows)
        // Within their grace of two leases.
        harness.advance(milliseconds: 25_000)
        for row in before.rows {
            let slot = row.nodeID.flatMap { Int($0.dropFirst()) } ?? 0
            let attempts = #","attempts":[{"taskId":"\#(row.id.text)","attempt":1}]"#
            let worker = harness.worker(slot, node: "n\(slot)", extra: attempts)
            #expect(harness.take(worker).isEmpty, "it is told to start something")
        }
        // The graces are over.
        for _ in 0..<2 {
            harness.advance(milliseconds: 10_000)
            for slot in slots { harness.send(#"{"op":"heartbeat"}"#, from: CoreHarness.session(slot)) }
        }
        for row in before.rows {
            let node = row.nodeID ?? ""
            #expect(harness.task(row.id.text).contains(#""status":"running","attempt":1,"nodeId":"\#(node)""#))
        }
    }

    @Test func whatDoesNotComeBackWithinTwoLeasesRunsElsewhere() {
        let before = Self.left { harness in
            let client = harness.client()
            let worker = harness.worker(1, node: "n1")
            _ = harness.report(harness.submit(from: client), 1, "running", from: worker)
        }
        let name = before.rows.first?.id.text ?? ""
        var harness = Self.restored(before.rows)
        let other = harness.worker(2, node: "n2")
        for _ in 0..<5 {
            harness.advance(milliseconds: 5_000)
            harness.send(#"{"op":"heartbeat"}"#, from: other)
        }
        #expect(harness.task(name).contains(#""status":"running","attempt":1,"nodeId":"n1""#))
        harness.advance(milliseconds: 5_250)
        #expect(harness.task(name).contains(#""status":"scheduled","attempt":2,"nodeId":"n2""#))
    }

    /// What is forgotten in the turn that made it is stored nevertheless, and the store is told up to when.
    @Test func whatIsForgottenAtOnceIsStored() {
        var harness = CoreHarness { $0.finishedTasksMax = 2 }
        let client = harness.client()
        var names: [String] = []
        for _ in 0..<5 {
            harness.now.wall += 10
            names.append(harness.submit(from: client))
            harness.send(#"{"op":"cancel","taskId":"\#(names.last ?? "")"}"#, from: client)
        }
        let batch = harness.core.takeChanges()
        #expect(Set(batch.tasks.map(\.id.text)) == Set(names))
        #expect(batch.tasks.allSatisfy { $0.status == .cancelled && $0.spec != nil })
        let ends = batch.tasks.map(\.finishedAt).sorted()
        #expect((ends[2]..<ends[3]).contains(batch.forgottenUpTo))
        let hasChanges = harness.core.hasChanges
        #expect(!hasChanges)
        // Of those that ended in one millisecond, some are held: it is not told.
        for _ in 0..<5 {
            harness.send(#"{"op":"cancel","taskId":"\#(harness.submit(from: client))"}"#, from: client)
        }
        let second = harness.core.takeChanges()
        #expect(second.tasks.count == 5)
        #expect((ends[4] - 1..<harness.now.wall).contains(second.forgottenUpTo))
    }

    @Test func rowsOutOfOrderOrWithoutASpecAreRefused() {
        let before = Self.left { harness in
            let client = harness.client()
            for _ in 0..<2 { _ = harness.submit(from: client) }
        }
        var harness = CoreHarness()
        var bare = before.rows[0]
        bare.spec = nil
        var taken: [Bool] = []
        for row in [bare, before.rows[1], before.rows[0]] { taken.append(harness.core.restore(row)) }
        #expect(taken == [false, true, false])
    }
}
