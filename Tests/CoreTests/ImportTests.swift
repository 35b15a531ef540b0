import PodlingProtocol
import Testing

@testable import PodlingCore

/// Tasks of another store.
@Suite struct ImportTests {
    private static let ours = #""taskId":"t00000001000a","createdAt":"2026-01-01T00:00:00.000Z","name":"a","image":"b""#

    private static func request(_ tasks: String...) -> String {
        #"{"op":"import","id":1,"tasks":[\#(tasks.map { "{\($0)}" }.joined(separator: ","))]}"#
    }

    private static func ok(_ imported: Int, _ existing: Int) -> String {
        #"{"re":1,"ok":{"imported":\#(imported),"existing":\#(existing),"conflicts":[]}}"#
    }

    // MARK: States

    @Test(arguments: [
        #""status":"pending","attempt":0"#,
        #""status":"pending","attempt":2,"nodeId":"n1","reason":"node_lost""#,
        #""status":"scheduled","attempt":1,"nodeId":"n1","scheduledAt":"2026-01-01T00:00:01.000Z""#,
        #""status":"running","attempt":3,"nodeId":"n1","containerId":"c","detail":"d","cancelRequested":true"#
            + #","scheduledAt":"2026-01-01T00:00:01.000Z","startedAt":"2026-01-01T00:00:02.000Z""#,
        #""status":"completed","attempt":1,"nodeId":"n1","exitCode":0,"finishedAt":"2026-01-01T00:00:03.000Z""#,
        #""status":"failed","attempt":1,"nodeId":"n1","error":"e\"\u0007","reason":"exit_code","exitCode":3"#
            + #","finishedAt":"2026-01-01T00:00:03.123Z""#,
        #""status":"cancelled","attempt":0,"reason":"cancelled","finishedAt":"2026-01-01T00:00:03.000Z""#,
    ]) func aTaskIsTakenAsItIs(members: String) throws {
        var harness = CoreHarness()
        let client = harness.client()
        let task = Self.ours + "," + members
        #expect(harness.send(Self.request(task), from: client) == [Self.ok(1, 0)])
        let shown = harness.task("t00000001000a")
        for member in task.split(separator: ",") { #expect(shown.contains(member), "\(shown)") }
        #expect(harness.send(Self.request(task), from: client) == [Self.ok(0, 1)])
        let batch = harness.core.takeChanges()
        #expect(batch.tasks.map(\.idText) == ["t00000001000a"])
        #expect(batch.tasks.first?.spec != nil)
        #expect(batch.tasks.first?.importedAt == harness.now.wall)
    }

    @Test func newIdsFollowImportedOnes() {
        var harness = CoreHarness()
        let client = harness.client()
        harness.send(Self.request(Self.ours + #","status":"completed""#), from: client)
        #expect(harness.submit(from: client) == "t00000001000b")
    }

    @Test func aTaskOfANodeWaitsTwoLeasesForItAndThenRunsAgain() {
        var harness = CoreHarness()
        let other = harness.worker(2, node: "n2")
        let task = Self.ours + #","status":"running","attempt":2,"nodeId":"n1","startedAt":"2026-01-01T00:00:02.000Z""#
        harness.send(Self.request(task), from: harness.client())
        for _ in 0..<5 {
            harness.advance(milliseconds: 5_000)
            harness.send(#"{"op":"heartbeat"}"#, from: other)
        }
        #expect(harness.task("t00000001000a").contains(#""status":"running","attempt":2,"nodeId":"n1""#))
        harness.advance(milliseconds: 5_250)
        #expect(harness.task("t00000001000a").contains(#""status":"scheduled","attempt":3,"nodeId":"n2""#))
    }

    @Test func aWorkerThatChangesItsMasterKeepsWhatItRuns() {
        var harness = CoreHarness()
        let task = Self.ours + #","status":"running","attempt":2,"nodeId":"n1","startedAt":"2026-01-01T00:00:02.000Z""#
        harness.send(Self.request(task), from: harness.client())
        let attempts = #","attempts":[{"taskId":"t00000001000a","attempt":2}]"#
        let worker = harness.worker(1, node: "n1", extra: attempts)
        #expect(harness.report("t00000001000a", 2, "completed", from: worker).last?.contains(#""ok":{}"#) == true)
        #expect(harness.task("t00000001000a").contains(#""status":"completed","attempt":2"#))
    }

    @Test func aTaskOfAWorkerThatIsHereAndDoesNotHaveItRunsAgain() {
        var harness = CoreHarness()
        let worker = harness.worker(1, node: "n1")
        let task = Self.ours + #","status":"running","attempt":2,"nodeId":"n1""#
        harness.send(Self.request(task), from: harness.client())
        #expect(harness.take(worker).contains { $0.contains(#""attempt":3"#) })
    }

    @Test func theAttemptsOfATaskThatWaitsLeaveItOneMore() {
        var harness = CoreHarness()
        let worker = harness.worker(1, node: "n1")
        let task = Self.ours + #","maxAttempts":2,"status":"pending","attempt":7,"reason":"rejected""#
        harness.send(Self.request(task), from: harness.client())
        _ = harness.report("t00000001000a", 8, "running", from: worker)
        harness.close(worker)
        harness.advance(milliseconds: 40_000)
        #expect(harness.task("t00000001000a").contains(#""reason":"lost_too_often""#))
    }

    @Test func watchersAreToldOfLiveOnes() {
        var harness = CoreHarness()
        let watcher = harness.client(1)
        harness.send(#"{"op":"watch"}"#, from: watcher)
        let ended = Self.ours.replacing("000a", with: "000b") + #","status":"completed""#
        harness.send(Self.request(Self.ours + #","status":"pending""#, ended), from: harness.client())
        let told = harness.take(watcher)
        #expect(told.count == 1)
        #expect(told.first?.contains(#""taskId":"t00000001000a""#) == true)
        #expect(told.first?.contains(#""to":"pending""#) == true && told.first?.contains("from") == false)
    }

    // MARK: What is there already

    @Test func aTaskThatWentOnSinceIsThere() {
        var harness = CoreHarness()
        let client = harness.client()
        let task = Self.ours + #","status":"pending""#
        harness.send(Self.request(task), from: client)
        let worker = harness.worker(1, node: "n1")
        #expect(harness.send(Self.request(task), from: client) == [Self.ok(0, 1)])
        _ = harness.report("t00000001000a", 1, "completed", from: worker)
        #expect(harness.send(Self.request(task), from: client) == [Self.ok(0, 1)])
    }

    @Test func aSpecThatWasWrittenAnewIsTheSame() {
        var harness = CoreHarness()
        let client = harness.client()
        let head = #""taskId":"x","createdAt":"2026-01-01T00:00:00Z","status":"failed","name":"a","#
        let one = #""image":"b","command":["ä",""],"priority":10,"env":{"A":"1","B":"2"}"#
        let other = #""env" : {"B":"2","\u0041":"1"},"priority":10,"command":["\u00e4",""],"image":"b""#
        #expect(harness.send(Self.request(head + one), from: client) == [Self.ok(1, 0)])
        #expect(harness.send(Self.request(head + other), from: client) == [Self.ok(0, 1)])
        for (part, changed) in [
            (#""B":"2""#, #""B":"3""#), (#""B":"2""#, #""C":"2""#), (#""ä","""#, #""","ä""#), ("10", "11"),
            (#","""#, ""),
        ] {
            let different = one.replacing(part, with: changed)
            #expect(different != one)
            #expect(
                harness.send(Self.request(head + different), from: client).last?.contains(#""field":"name""#) == true
            )
        }
    }

    @Test(arguments: [
        (#""status":"completed","attempt":1"#, "status"), (#""status":"failed","attempt":2"#, "attempt"),
        (#""status":"failed","attempt":1,"reason":"oom_killed""#, "reason"),
        (#""status":"failed","attempt":1,"error":"other""#, "error"),
        (#""status":"failed","attempt":1,"exitCode":4"#, "exitCode"),
        (#""status":"failed","attempt":1,"nodeId":"n9""#, "nodeId"),
        (#""status":"failed","attempt":1,"finishedAt":"2026-01-01T00:00:09Z""#, "finishedAt"),
        (#""status":"failed","attempt":1,"command":["x"]"#, "name"),
    ]) func anotherTaskOfThisIdIsAConflict(members: String, field: String) {
        var harness = CoreHarness()
        let client = harness.client()
        harness.send(Self.request(Self.ours + #","status":"failed","attempt":1"#), from: client)
        let before = harness.task("t00000001000a")
        _ = harness.core.takeChanges()
        let answer = harness.send(Self.request(Self.ours + "," + members), from: client).last ?? ""
        #expect(
            answer.contains(
                #""imported":0,"existing":0,"conflicts":[{"index":0,"taskId":"t00000001000a","field":"\#(field)""#
            ),
            "\(answer)"
        )
        #expect(harness.task("t00000001000a") == before)
        let hasChanges = harness.core.hasChanges
        #expect(!hasChanges)
    }

    @Test func aTaskFurtherOnThanTheOneHereIsAConflictAndTheOthersAreTaken() {
        var harness = CoreHarness()
        let client = harness.client()
        harness.send(Self.request(Self.ours + #","status":"pending""#), from: client)
        let running = Self.ours + #","status":"running","attempt":1,"nodeId":"n1""#
        let other = Self.ours.replacing("000a", with: "000b") + #","status":"completed""#
        let answer = harness.send(Self.request(running, other, other), from: client).last ?? ""
        #expect(answer.contains(#""imported":1,"existing":1,"conflicts":[{"index":0,"#), "\(answer)")
        #expect(harness.task("t00000001000a").contains(#""status":"pending""#))
    }

    /// Within an attempt: scheduled, running, then pending for the next.
    @Test func oneThatWentOnIsThereAndOneThatIsBehindIsNot() {
        let steps = [
            #""status":"pending""#, #""status":"scheduled","attempt":1,"nodeId":"n1""#,
            #""status":"running","attempt":1,"nodeId":"n1""#, #""status":"pending","attempt":1,"reason":"node_lost""#,
            #""status":"running","attempt":2,"nodeId":"n1""#,
        ]
        for (place, here) in steps.enumerated() {
            for (other, told) in steps.enumerated() {
                var harness = CoreHarness()
                let client = harness.client()
                harness.send(Self.request(Self.ours + "," + here), from: client)
                let answer = harness.send(Self.request(Self.ours + "," + told), from: client).last ?? ""
                let isThere = answer.contains(#""existing":1"#)
                #expect(isThere == (place >= other), "\(here), \(told)")
            }
        }
    }

    @Test func anIdempotencyKeyHasOneTask() {
        var harness = CoreHarness()
        let client = harness.client()
        let id = harness.submit(#","idempotencyKey":"k""#, from: client)
        let task = Self.ours + #","idempotencyKey":"k","status":"pending""#
        let answer = harness.send(Self.request(task), from: client).last ?? ""
        #expect(answer.contains(#""field":"idempotencyKey""#), "\(answer)")
        harness.send(#"{"op":"cancel","taskId":"\#(id)"}"#, from: client)
        let keyed = Self.ours + #","idempotencyKey":"k2","status":"pending""#
        #expect(harness.send(Self.request(keyed), from: client) == [Self.ok(1, 0)])
        let again =
            harness.send(
                #"{"op":"submit","name":"a","image":"b","idempotencyKey":"k2"}"#,
                from: client
            ).last ?? ""
        #expect(again.contains(#""duplicate":true"#) && again.contains("t00000001000a"), "\(again)")
    }

    // MARK: Rules

    @Test(arguments: [
        (#""status":"pending""#, "tasks[0].taskId"),
        (#""taskId":"x","createdAt":"2026-01-01T00:00:00Z""#, "tasks[0].status"),
        (#""taskId":"x","status":"pending""#, "tasks[0].createdAt"),
        (ours + #","status":"paused""#, "tasks[0].status"),
        (ours + #","status":"failed","attempt":-1"#, "tasks[0].attempt"),
        (ours + #","status":"failed","attempt":1.5"#, "tasks[0].attempt"),
        (ours + #","status":"failed","attempt":2147483648"#, "tasks[0].attempt"),
        (ours + #","status":"failed","reason":"bored""#, "tasks[0].reason"),
        (ours + #","status":"failed","reason":"none""#, "tasks[0].reason"),
        (ours + #","status":"failed","exitCode":"1""#, "tasks[0].exitCode"),
        (ours + #","status":"completed","exitCode":1"#, "tasks[0].exitCode"),
        (ours + #","status":"running","nodeId":"n","attempt":0"#, "tasks[0].attempt"),
        (ours + #","status":"running","attempt":1"#, "tasks[0].nodeId"),
        (ours + #","status":"running","attempt":1,"nodeId":"""#, "tasks[0].nodeId"),
        (ours + #","status":"failed","containerId":7"#, "tasks[0].containerId"),
        (ours + #","status":"failed","startedAt":"yesterday""#, "tasks[0].startedAt"),
        (ours + #","status":"failed","finishedAt":"1970-01-01T00:00:00Z""#, "tasks[0].finishedAt"),
        (ours + #","status":"failed","finishedAt":"2026-09-01T00:00:00Z""#, "tasks[0].finishedAt"),
        (ours + #","status":"pending","finishedAt":"2026-01-01T00:00:00Z""#, "tasks[0].finishedAt"),
        (ours + #","status":"pending","cancelRequested":true"#, "tasks[0].cancelRequested"),
        (ours + #","status":"completed","cancelRequested":true"#, "tasks[0].cancelRequested"),
        (ours + #","status":"pending","cancelRequested":1"#, "tasks[0].cancelRequested"),
        (ours + #","status":"pending","stauts":1"#, "tasks[0].stauts"),
        (ours + #","status":"completed","stauts":null"#, "tasks[0].stauts"),
        (ours + #","status":"pending","env":{"1":"x"}"#, "tasks[0].env.1"),
        (
            #""taskId":"tfzzzzzzzzzzz","createdAt":"2026-01-01T00:00:00Z","status":"completed","name":"a","image":"b""#,
            "tasks[0].taskId"
        ),
        (
            #""taskId":"","createdAt":"2026-01-01T00:00:00Z","status":"completed","name":"a","image":"b""#,
            "tasks[0].taskId"
        ),
        (#""taskId":"x","createdAt":"2026-01-01T00:00:00Z","status":"completed","image":"b""#, "tasks[0].name"),
    ]) func aFaultNamesItsMemberAndNothingIsTaken(task: String, field: String) {
        var harness = CoreHarness()
        let good = Self.ours.replacing("000a", with: "000b") + #","status":"pending""#
        let answer = harness.send(Self.request(task, good), from: harness.client()).last ?? ""
        #expect(answer.contains(#""code":"bad_request""#) && answer.contains(#""field":"\#(field)""#), "\(answer)")
        let hasChanges = harness.core.hasChanges
        #expect(!hasChanges)
    }

    @Test(arguments: ["[]", "{}", "1", "[1]", "[[]]", "null"]) func tasksIsAnArrayOfTasks(tasks: String) {
        var harness = CoreHarness()
        let answer = harness.send(#"{"op":"import","tasks":\#(tasks)}"#, from: harness.client()).last ?? ""
        #expect(answer.contains(#""field":"tasks"#), "\(answer)")
    }

    // MARK: Ids of other systems

    @Test func anotherSystemsTasksKeepTheirIdsAndWhatBreaksARule() {
        var harness = CoreHarness()
        let client = harness.client()
        let task =
            #""taskId":"Ärger/4711","status":"failed","createdAt":"2025-01-01T00:00:00.000Z","name":"My Job","image":"b""#
        #expect(harness.send(Self.request(task), from: client) == [Self.ok(1, 0)])
        let shown = harness.task("Ärger/4711")
        #expect(shown.contains(#""taskId":"Ärger/4711","status":"failed","attempt":1"#), "\(shown)")
        #expect(shown.contains(#""name":"My Job""#))
        #expect(harness.send(Self.request(task), from: client) == [Self.ok(0, 1)])
    }

    @Test func oneOfThemThatCannotRunFailsAtOnce() {
        var harness = CoreHarness()
        let client = harness.client()
        let task = #""taskId":"old 1","status":"pending","createdAt":"2025-01-01T00:00:00.000Z","name":"a","image":"b""#
        #expect(harness.send(Self.request(task), from: client) == [Self.ok(1, 0)])
        #expect(harness.task("old 1").contains(#""reason":"start_failed""#))
        #expect(harness.send(Self.request(task), from: client) == [Self.ok(0, 1)])
    }

    /// A store gives it back as it is, at the next start.
    @Test func oneThatRunsAndBreaksARuleIsRestored() {
        var first = CoreHarness()
        let task =
            #""taskId":"old-1","status":"running","attempt":1,"nodeId":"n1","createdAt":"2025-01-01T00:00:00.000Z""#
            + #","name":"My Job","image":"b""#
        #expect(first.send(Self.request(task), from: first.client()) == [Self.ok(1, 0)])
        let rows = first.core.takeChanges().tasks
        var second = CoreHarness()
        for row in rows {
            let isTaken = second.core.restore(row)
            #expect(isTaken)
        }
        second.core.endRestore()
        #expect(second.task("old-1").contains(#""status":"running","attempt":1,"nodeId":"n1""#))
        second.advance(milliseconds: 30_250)
        #expect(second.task("old-1").contains(#""status":"failed""#))
    }

    // MARK: Bounds

    @Test func nodesAndForeignIdsAreBounded() {
        var harness = CoreHarness {
            $0.nodesMax = 2
            $0.foreignIDsMax = 2
        }
        let client = harness.client()
        func task(_ id: String, _ node: String) -> String {
            #""taskId":"\#(id)","createdAt":"2026-01-01T00:00:00.000Z","name":"a","image":"b","status":"completed","nodeId":"\#(node)""#
        }
        let nodes = harness.send(
            Self.request(task("t000000010001", "n1"), task("t000000010002", "n2"), task("t000000010003", "n3")),
            from: client
        )
        #expect(nodes.last?.contains(#""code":"overloaded""#) == true, "\(nodes)")
        let ids = harness.send(Self.request(task("a", "n1"), task("b", "n1"), task("c", "n1")), from: client)
        #expect(ids.last?.contains(#""code":"overloaded""#) == true, "\(ids)")
        #expect(harness.send(Self.request(task("a", "n1"), task("b", "n2")), from: client) == [Self.ok(2, 0)])
        // Those that are known cost nothing more.
        #expect(
            harness.send(Self.request(task("a", "n1"), task("t000000010003", "n2")), from: client) == [Self.ok(1, 1)]
        )
    }

    @Test func memoryIsNotOverfilled() {
        var harness = CoreHarness {
            $0.finishedTasksMax = 2
            $0.liveTasksMax = 1
        }
        let client = harness.client()
        func task(_ number: Int, _ status: String) -> String {
            Self.ours.replacing("000a", with: "000\(number)") + #","status":"\#(status)""#
        }
        let ended = harness.send(Self.request(task(1, "failed"), task(2, "failed"), task(3, "failed")), from: client)
        #expect(
            ended.last?.contains(#""code":"overloaded""#) == true && ended.last?.contains(#""retryable":false"#) == true
        )
        let live = harness.send(Self.request(task(1, "pending"), task(2, "pending")), from: client)
        #expect(live.last?.contains(#""code":"overloaded""#) == true)
        #expect(
            harness.send(Self.request(task(1, "failed"), task(2, "failed"), task(3, "pending")), from: client) == [
                Self.ok(3, 0)
            ]
        )
    }
}
