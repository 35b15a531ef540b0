import PodlingCore
import PodlingProtocol
import Testing

/// Numbers from outside, or from a row that somebody changed, end nothing but the task that has them.
@Suite struct HostileNumberTests {
    private static let createdAt = "2026-01-01T00:00:00.000Z"

    private static func pending(_ id: String, attempt: Int) -> String {
        #"{"taskId":"\#(id)","status":"pending","attempt":\#(attempt),"createdAt":"\#(createdAt)","name":"a","image":"b"}"#
    }

    @Test func anAttemptBeyondTheBoundIsRefused() {
        var harness = CoreHarness()
        let client = harness.client()
        let answer = harness.send(
            #"{"op":"import","tasks":[\#(Self.pending("old-1", attempt: Int(Int32.max)))]}"#,
            from: client
        )
        #expect(answer.first?.contains(#""field":"tasks[0].attempt""#) == true, "\(answer)")
    }

    /// The range that an error names is that of proto-spec.md, section 4.
    @Test(arguments: [
        #"{"op":"unsubscribe","sub":-1}"#, #"{"op":"log","sub":-1,"stream":"stdout","text":"x"}"#,
        #"{"op":"log_end","sub":-1}"#,
    ])
    func aWrongSubscriptionIsToldItsRange(line: String) {
        var harness = CoreHarness()
        let worker = harness.worker(1, node: "n1")
        let answer = harness.send(line, from: worker)
        #expect(answer.first?.contains("sub: must be an integer from 0 to 9007199254740991") == true, "\(answer)")
    }

    @Test func aTaskWithTheLastAttemptFails() {
        var harness = CoreHarness()
        let client = harness.client()
        harness.send(
            #"{"op":"import","tasks":[\#(Self.pending("old-1", attempt: Limits.attemptMax))]}"#,
            from: client
        )
        _ = harness.worker(1, node: "n1")
        #expect(harness.task("old-1").contains(#""status":"failed""#))
        #expect(harness.task("old-1").contains(#""reason":"lost_too_often""#))
    }

    /// The last attempt there may be is not followed by another.
    @Test func aTaskThatLosesItsLastAttemptFails() {
        var harness = CoreHarness()
        let client = harness.client()
        let task =
            #"{"taskId":"old-1","status":"scheduled","attempt":\#(Limits.attemptMax),"nodeId":"n1","#
            + #""createdAt":"\#(Self.createdAt)","name":"a","image":"b"}"#
        harness.send(#"{"op":"import","tasks":[\#(task)]}"#, from: client)
        // This worker knows nothing of it.
        _ = harness.worker(1, node: "n1")
        #expect(harness.task("old-1").contains(#""status":"failed""#))
        #expect(harness.task("old-1").contains(#""reason":"lost_too_often""#))
    }

    /// What a row says is held within its bounds.
    @Test(arguments: [Int.max, Int.min, Int(Int32.max)])
    func aRowWithAnyNumberIsNoTrap(number: Int) {
        for status in TaskStatus.allCases {
            var harness = CoreHarness()
            var row = TaskRow(id: TaskID(number: 1), createdAt: Int64(number))
            row.status = status
            row.spec = Array(#""name":"a","image":"b","timeoutSeconds":9"#.utf8)
            (row.attempt, row.unchargedAttempts, row.rejections, row.exitCode) = (number, number, number, number)
            (row.scheduledAt, row.startedAt, row.finishedAt, row.importedAt) = (
                Int64(number), Int64(number), Int64(number), Int64(number)
            )
            row.nodeID = "n1"
            harness.core.restore(row)
            harness.core.endRestore()
            harness.core.lead(now: harness.now)
            let worker = harness.worker(1, node: "n1")
            for attempt in 1..<Limits.rejectionsMax + 2 {
                let name = #""taskId":"\#(TaskID(number: 1).text)""#
                harness.send(#"{"op":"reject",\#(name),"attempt":\#(attempt)}"#, from: worker)
                harness.advance(milliseconds: 2_000)
            }
            harness.advance(milliseconds: 60_000)
            #expect(harness.task(TaskID(number: 1).text).hasPrefix(#"{"re":null,"#))
        }
    }

    @Test func aNodeRowWithAnyNumberIsNoTrap() {
        for number in [Int.max, Int.min] {
            var harness = CoreHarness()
            var row = NodeRow(id: "n1")
            (row.slots, row.cpuMillis, row.memoryBytes, row.used) = (number, number, number, number)
            (row.registeredAt, row.lastSeenAt) = (Int64(number), Int64(number))
            harness.core.restoreNode(row)
            let client = harness.client()
            _ = harness.submit(from: client)
            let node = harness.send(#"{"op":"nodes"}"#, from: client).first ?? ""
            #expect(node.contains(#""nodeId":"n1""#) && !node.contains("\(number)"), "\(node)")
            #expect(node.contains(#""slots":\#(number < 0 ? 0 : Limits.slotsMax),"#), "\(node)")
            #expect(node.contains(#""memory":0,"#) == (number < 0), "\(node)")
            _ = harness.worker(1, node: "n1")
        }
    }

    @Test func aTrailWithAnyNumberIsNoTrap() {
        for number in [Int.max, Int.min, -1] {
            var harness = CoreHarness { $0.isAudited = true }
            harness.core.restore(EventTrail(runs: ["e0"], lastNumber: number))
            let client = harness.client()
            #expect(!harness.submit(from: client).isEmpty)
        }
    }

    /// Nine requests of a thousand tasks that ask for 2^50 bytes each, all said to run on one node.
    @Test func moreThanANodeCanHaveIsLost() {
        var harness = CoreHarness()
        let client = harness.client()
        for round in 0..<9 {
            let tasks = (0..<1_000).map { index in
                #"{"taskId":"old-\#(round)-\#(index)","status":"running","attempt":1,"createdAt":"\#(Self.createdAt)","#
                    + #""nodeId":"n1","name":"a","image":"b","resources":{"requests":{"memory":\#(Quantity.memoryBytesMax)}}}"#
            }
            let answer = harness.send(
                #"{"op":"import","tasks":[\#(tasks.joined(separator: ","))]}"#,
                from: client
            )
            #expect(answer.first?.contains(#""imported":1000"#) == true, "\(answer.first?.prefix(300) ?? "")")
        }
        let count = harness.send(#"{"op":"ping"}"#, from: client).first ?? ""
        #expect(count.contains(#""running":\#(Limits.slotsMax)"#), "\(count)")
        #expect(count.contains(#""pending":\#(9_000 - Limits.slotsMax)"#), "\(count)")
    }
}
