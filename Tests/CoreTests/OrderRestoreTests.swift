import PodlingCore
import PodlingProtocol
import Testing

/// An order to end that a master gave holds after a restart, or in the master that takes over.
@Suite struct OrderRestoreTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var orders: [Order]
        /// Whether it runs; otherwise it gets ready.
        var isRunning = true
        var expected: [String]
    }

    enum Order: Sendable {
        case cancel, time
    }

    static let cases = [
        Case(
            testDescription: "cancel",
            orders: [.cancel],
            expected: [#""status":"cancelled""#, #""reason":"cancelled""#]
        ),
        Case(
            testDescription: "cancel, then the time-out",
            orders: [.cancel, .time],
            expected: [#""status":"cancelled""#, #""reason":"cancelled""#]
        ),
        Case(
            testDescription: "time-out",
            orders: [.time],
            expected: [#""status":"failed""#, #""reason":"timed_out""#]
        ),
        Case(
            testDescription: "time-out, then cancel",
            orders: [.time, .cancel],
            expected: [#""status":"failed""#, #""reason":"timed_out""#]
        ),
        Case(
            testDescription: "preparation time-out",
            orders: [.time],
            isRunning: false,
            expected: [#""status":"failed""#, #""reason":"prepare_timed_out""#]
        ),
        Case(
            testDescription: "preparation time-out, then cancel",
            orders: [.time, .cancel],
            isRunning: false,
            expected: [#""status":"failed""#, #""reason":"prepare_timed_out""#]
        ),
    ]

    /// A core with a task that was ordered to end, and the row that a store has of it.
    private static func ordered(_ example: Case) -> TaskRow? {
        var harness = CoreHarness { $0.prepareMilliseconds = 3_000 }
        var row: TaskRow?
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(#","timeoutSeconds":3,"stopGraceSeconds":60"#, from: client)
        if example.isRunning {
            _ = harness.report(task, 1, "running", from: worker)
        } else {
            harness.send(#"{"op":"accept","taskId":"\#(task)","attempt":1}"#, from: worker)
        }
        var spec: [UInt8]?
        for order in example.orders {
            for changed in harness.core.takeChanges().tasks { (row, spec) = (changed, changed.spec ?? spec) }
            switch order {
            case .cancel: harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client)
            case .time: harness.advance(milliseconds: 4_000)
            }
        }
        for changed in harness.core.takeChanges().tasks { (row, spec) = (changed, changed.spec ?? spec) }
        row?.spec = spec
        return row
    }

    @Test(arguments: cases, ["cancelled", "failed"])
    func theOrderHoldsAfterARestart(example: Case, report: String) throws {
        let row = try #require(Self.ordered(example))
        var harness = CoreHarness { $0.prepareMilliseconds = 600_000 }
        // The clock of the new master's machine is behind.
        harness.now.wall -= 3_600_000
        let isTaken = harness.core.restore(row)
        #expect(isTaken)
        harness.core.endRestore()
        let worker = CoreHarness.session(1)
        harness.open(worker)
        let lines = harness.send(
            #"{"op":"hello","proto":1,"role":"worker","node":"n1","instance":"i"}"#,
            #"{"op":"register","slots":1,"attempts":[{"taskId":"\#(row.idText)","attempt":1}]}"#,
            from: worker
        )
        let order = lines.last { $0.contains(#""ev":"cancel""#) } ?? ""
        let timeOut = example.isRunning ? "timed_out" : "prepare_timed_out"
        let code = example.orders.first == .cancel ? "cancelled" : timeOut
        #expect(order.contains(#""graceSeconds":60,"code":"\#(code)""#), "\(lines)")
        _ = harness.report(row.idText, 1, report, #","exitCode":143"#, from: worker)
        let said = harness.task(row.idText)
        for expected in example.expected + [#""exitCode":143"#] { #expect(said.contains(expected), "\(said)") }
    }

    /// Nobody sees such a worker again: the order decides.
    @Test(arguments: cases) func theOrderHoldsWhereTheNodeIsLost(example: Case) throws {
        let row = try #require(Self.ordered(example))
        var harness = CoreHarness()
        harness.now.wall -= 3_600_000
        let isTaken = harness.core.restore(row)
        #expect(isTaken)
        harness.core.endRestore()
        harness.advance(milliseconds: 31_000)
        let said = harness.task(row.idText)
        for expected in example.expected { #expect(said.contains(expected), "\(said)") }
    }

    /// What `get` says of an attempt that was ordered to end is what its row says.
    @Test func theOrderIsShown() throws {
        let row = try #require(Self.ordered(Self.cases[2]))
        #expect(row.status == .running)
        #expect(row.reason == .timedOut)
    }
}
