import PodlingCore
import PodlingProtocol
import Testing

/// How an attempt ended, where it had been told to end (proto-spec.md, section 6.19).
@Suite struct EndingTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var isTimedOut: Bool
        var report: String
        var members: String
        var expected: [String]
        var testDescription: String { "\(isTimedOut ? "timed out" : "cancelled"): \(report)\(members)" }
    }

    static let cases = [
        Case(isTimedOut: false, report: "completed", members: "", expected: [#""completed""#, #""exitCode":0"#]),
        Case(
            isTimedOut: false,
            report: "failed",
            members: #","exitCode":143"#,
            expected: [#""cancelled""#, #""reason":"cancelled""#, #""exitCode":143"#]
        ),
        Case(
            isTimedOut: false,
            report: "failed",
            members: #","reason":"oom_killed","exitCode":137"#,
            expected: [#""cancelled""#, #""reason":"cancelled""#, #""exitCode":137"#]
        ),
        Case(
            isTimedOut: false,
            report: "failed",
            members: #","exitCode":3,"beforeSignal":true"#,
            expected: [#""failed""#, #""reason":"exit_code""#, #""exitCode":3"#]
        ),
        Case(
            isTimedOut: false,
            report: "cancelled",
            members: #","exitCode":143"#,
            expected: [#""cancelled""#, #""reason":"cancelled""#, #""exitCode":143"#]
        ),
        Case(
            isTimedOut: true,
            report: "completed",
            members: "",
            expected: [#""failed""#, #""reason":"timed_out""#, #""exitCode":0"#]
        ),
        Case(
            isTimedOut: true,
            report: "failed",
            members: #","exitCode":143"#,
            expected: [#""failed""#, #""reason":"timed_out""#, #""exitCode":143"#]
        ),
        Case(
            isTimedOut: true,
            report: "cancelled",
            members: #","exitCode":143"#,
            expected: [#""failed""#, #""reason":"timed_out""#, #""exitCode":143"#]
        ),
        Case(
            isTimedOut: true,
            report: "completed",
            members: #","beforeSignal":true"#,
            expected: [#""completed""#, #""exitCode":0"#]
        ),
        Case(
            isTimedOut: true,
            report: "failed",
            members: #","exitCode":3,"beforeSignal":true"#,
            expected: [#""failed""#, #""reason":"exit_code""#, #""exitCode":3"#]
        ),
    ]

    @Test(arguments: cases) func anOrderToEndSaysHowItEnded(example: Case) {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(#","timeoutSeconds":3"#, from: client)
        _ = harness.report(task, 1, "running", from: worker)
        if example.isTimedOut {
            harness.advance(milliseconds: 4_000)
        } else {
            harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client)
        }
        let lines1 = harness.take(worker)
        #expect(lines1.contains { $0.contains(#""ev":"cancel""#) })
        _ = harness.report(task, 1, example.report, example.members, from: worker)
        let said = harness.task(task)
        for expected in example.expected { #expect(said.contains(expected), "\(said)") }
    }

    /// The order that came first says it.
    @Test(arguments: [true, false]) func ofTwoOrdersTheFirstCounts(isTimedOutFirst: Bool) {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(#","timeoutSeconds":3"#, from: client)
        _ = harness.report(task, 1, "running", from: worker)
        if isTimedOutFirst { harness.advance(milliseconds: 4_000) }
        harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client)
        if !isTimedOutFirst { harness.advance(milliseconds: 4_000) }
        _ = harness.report(task, 1, "cancelled", from: worker)
        let reason = isTimedOutFirst ? "timed_out" : "cancelled"
        let said = harness.task(task)
        #expect(said.contains(#""reason":"\#(reason)""#), "\(said)")
    }

    /// A master that has just started has not sent its order again, but knows the time.
    @Test func whatIsOverItsTimeIsTimedOutBeforeTheOrder() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(#","timeoutSeconds":3"#, from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.now.monotonic += 3_001
        harness.now.wall += 3_001
        _ = harness.report(task, 1, "cancelled", #","exitCode":143"#, from: worker)
        let said = harness.task(task)
        #expect(said.contains(#""status":"failed""#) && said.contains(#""reason":"timed_out""#), "\(said)")
    }

    // MARK: Getting ready

    @Test func anAttemptThatNeverRunsIsEnded() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        harness.send(#"{"op":"accept","taskId":"\#(task)","attempt":1}"#, from: worker)
        #expect(orders(in: 3_598, &harness, worker).isEmpty)
        let orders = orders(in: 4, &harness, worker)
        #expect(orders.first?.contains(#""code":"prepare_timed_out""#) == true, "\(orders)")
        // It began to run when the order was under way: it is ended all the same.
        _ = harness.report(task, 1, "running", from: worker)
        _ = harness.report(task, 1, "cancelled", from: worker)
        let said = harness.task(task)
        #expect(said.contains(#""status":"failed""#) && said.contains(#""reason":"prepare_timed_out""#), "\(said)")
    }

    @Test func whatIsNewOfItsPreparationIsWaitedForButNotForEver() {
        var harness = CoreHarness { $0.prepareMilliseconds = 10_000 }
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        for second in 0..<59 {
            _ = harness.report(task, 1, "scheduled", #","detail":"pulling, \#(second) MB""#, from: worker)
            harness.advance(milliseconds: 1_000)
            let lines = harness.take(worker)
            #expect(!lines.contains { $0.contains(#""ev":"cancel""#) }, "after \(second) s")
        }
        _ = harness.report(task, 1, "scheduled", #","detail":"pulling, more""#, from: worker)
        harness.advance(milliseconds: 1_500)
        let lines3 = harness.take(worker)
        #expect(lines3.contains { $0.contains(#""code":"prepare_timed_out""#) })
    }

    @Test func theSameDetailAgainIsNoProgress() {
        var harness = CoreHarness { $0.prepareMilliseconds = 10_000 }
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        var lines: [String] = []
        for _ in 0..<12 {
            lines += harness.report(task, 1, "scheduled", #","detail":"pulling""#, from: worker)
            harness.advance(milliseconds: 1_000)
        }
        #expect(lines.contains { $0.contains(#""code":"prepare_timed_out""#) })
    }

    /// A worker that keeps an assignment over a start of the master is held to the same time.
    @Test func aPreparationThatIsKeptOverAStartIsEndedToo() {
        var harness = CoreHarness { $0.prepareMilliseconds = 10_000 }
        var row = TaskRow(id: TaskID(number: 5), createdAt: harness.now.wall - 1_000)
        row.spec = Array(#""name":"a","image":"b""#.utf8)
        (row.status, row.attempt, row.nodeID, row.scheduledAt) = (.scheduled, 1, "n1", harness.now.wall)
        let isTaken = harness.core.restore(row)
        #expect(isTaken)
        harness.core.endRestore()
        let task = row.idText
        let attempts = #","attempts":[{"taskId":"\#(task)","attempt":1}]"#
        let worker = harness.worker(1, node: "n1", extra: attempts)
        harness.advance(milliseconds: 11_000)
        let lines5 = harness.take(worker)
        #expect(lines5.contains { $0.contains(#""code":"prepare_timed_out""#) })
    }

    /// What the worker is told to end while so many seconds pass.
    private func orders(in seconds: Int, _ harness: inout CoreHarness, _ worker: SessionID) -> [String] {
        var lines: [String] = []
        for _ in 0..<seconds {
            harness.advance(milliseconds: 1_000)
            lines += harness.send(#"{"op":"heartbeat"}"#, from: worker)
        }
        return lines.filter { $0.contains(#""ev":"cancel""#) }
    }
}
