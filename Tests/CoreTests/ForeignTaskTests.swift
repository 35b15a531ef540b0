import PodlingCore
import PodlingProtocol
import Testing

/// Tasks whose ids another system gave.
@Suite struct ForeignTaskTests {
    private static let start: Int64 = 1_767_200_000_000

    private static func row(
        _ id: String,
        _ status: TaskStatus,
        age: Int64,
        _ change: (inout TaskRow) -> Void = { _ in }
    )
        -> TaskRow
    {
        var row = TaskRow(foreignID: id, createdAt: start - age)
        row.status = status
        row.spec = Array(#""name":"a","image":"b""#.utf8)
        row.isAdopted = true
        if status == .scheduled || status == .running { (row.attempt, row.nodeID) = (1, "n1") }
        change(&row)
        return row
    }

    private static func restored(
        _ rows: [TaskRow],
        _ change: (inout CoreConfiguration) -> Void = { _ in }
    ) -> CoreHarness {
        var harness = CoreHarness(change)
        for row in rows {
            let isTaken = harness.core.restore(row)
            #expect(isTaken, "\(row.idText)")
        }
        harness.core.endRestore()
        return harness
    }

    /// The ids that `list` gives, page by page.
    private static func listed(_ harness: inout CoreHarness, _ more: String = "") -> [String] {
        let client = harness.client(90)
        var ids: [String] = []
        var cursor = ""
        while true {
            let line = harness.send(#"{"op":"list","limit":1\#(more)\#(cursor)}"#, from: client).first ?? ""
            if let id = CoreHarness.text(of: "taskId", in: line) { ids.append(id) }
            guard let next = CoreHarness.text(of: "cursor", in: line) else { return ids }
            cursor = #","cursor":"\#(next)""#
        }
    }

    @Test func theyAreListedByAgeBeforeOurs() {
        let rows = [("zz", 5), ("AA", 1), ("m", 3), ("b", 3), ("t/1", 9)].map {
            Self.row($0.0, .completed, age: Int64($0.1))
        }
        var harness = Self.restored(rows)
        let client = harness.client()
        let ours = [harness.submit(from: client), harness.submit(from: client)]
        #expect(Self.listed(&harness) == ["t/1", "zz", "b", "m", "AA"] + ours)
        #expect(Self.listed(&harness, #","order":"desc""#) == (["t/1", "zz", "b", "m", "AA"] + ours).reversed())
        #expect(Self.listed(&harness, #","status":"pending""#) == ours)
        #expect(harness.task("t/1").contains(#""taskId":"t/1","status":"completed""#))
        #expect(harness.task("t/2").contains(#""code":"not_found""#))
    }

    @Test func aCursorOutlivesARestart() {
        let rows = [
            Self.row("x", .completed, age: 3), Self.row("y", .completed, age: 2), Self.row("z", .completed, age: 1),
        ]
        var first = Self.restored(rows)
        let line = first.send(#"{"op":"list","limit":2}"#, from: first.client(1)).first ?? ""
        let cursor = CoreHarness.text(of: "cursor", in: line) ?? ""
        var second = Self.restored([rows[0], rows[2]])
        let page = second.send(#"{"op":"list","cursor":"\#(cursor)"}"#, from: second.client(1)).first ?? ""
        #expect(page.contains(#""taskId":"z""#) && !page.contains(#""taskId":"x""#))
    }

    @Test func pendingOnesRunTheOldestFirst() {
        var harness = Self.restored([Self.row("new-1", .pending, age: 1), Self.row("old-1", .pending, age: 2)])
        let worker = harness.worker(1, node: "n1")
        #expect(
            harness.take(worker).first?.contains(#""ev":"assign","taskId":"old-1","attempt":1,"spec":{"name""#) == true
        )
        for status in ["running", "completed"] { _ = harness.report("old-1", 1, status, from: worker) }
        #expect(harness.task("old-1").contains(#""status":"completed""#))
        #expect(harness.task("new-1").contains(#""status":"scheduled""#))
        let rows = harness.core.takeChanges().tasks.map { "\($0.idText) \($0.foreignID ?? "") \($0.spec == nil)" }
        #expect(Set(rows) == ["old-1 old-1 true", "new-1 new-1 true"])
    }

    @Test func runningOnesAreReconciled() {
        let rows = ["kept", "lost", "sure"].map { Self.row($0, $0 == "sure" ? .scheduled : .running, age: 1) }
        var harness = Self.restored(rows)
        let client = harness.client()
        harness.send(#"{"op":"watch","taskId":"lost"}"#, from: client)
        _ = harness.worker(
            1,
            node: "n1",
            slots: 2,
            extra: #","attempts":[{"taskId":"kept","attempt":1},{"taskId":"who","attempt":1}]"#
        )
        #expect(harness.task("kept").contains(#""status":"running","attempt":1,"nodeId":"n1""#))
        #expect(
            harness.take(client).first?.contains(
                #""taskId":"lost","name":"a","attempt":1,"from":"running","to":"pending""#
            ) == true
        )
        // Two lost, one slot: the older runs again there.
        #expect(harness.task("lost").contains(#""status":"scheduled","attempt":2"#))
        #expect(harness.task("sure").contains(#""status":"pending","attempt":1"#))
    }

    @Test func theGraceOfTheirNodesIsTwoLeases() {
        var harness = Self.restored([Self.row("r", .running, age: 1)])
        harness.advance(milliseconds: 29_000)
        #expect(harness.task("r").contains(#""status":"running""#))
        harness.advance(milliseconds: 1_500)
        #expect(harness.task("r").contains(#""status":"pending","attempt":1,"nodeId":"n1","reason":"node_lost""#))
    }

    @Test func whatCannotRunIsKeptAndSaysWhy() {
        let badSpec = Array(#""name":"My Task","image":"NO//","env":[1]"#.utf8)
        var harness = Self.restored([
            Self.row("done", .completed, age: 4) { $0.spec = badSpec },
            Self.row("wait", .pending, age: 3) { $0.spec = badSpec },
            Self.row("a b", .pending, age: 2),
            Self.row("run", .running, age: 1) { ($0.spec, $0.nodeID) = (badSpec, #"n "1""#) },
        ])
        _ = harness.worker(1, node: "n9", slots: 9)
        #expect(harness.task("done").contains(#""status":"completed""#))
        #expect(harness.task("done").contains(#""name":"My Task","image":"NO//","env":[1]"#))
        #expect(harness.task("wait").contains(#""status":"failed","attempt":0,"error":"env"#))
        #expect(harness.task("wait").contains(#""reason":"start_failed""#))
        #expect(harness.task("a b").contains(#""error":"taskId: cannot name"#))
        #expect(harness.task("run").contains(#""status":"running","attempt":1,"nodeId":"n \"1\"""#))
        harness.advance(milliseconds: 31_000)
        #expect(harness.task("run").contains(#""status":"failed""#))
        #expect(harness.task("run").contains(#""reason":"node_lost""#))
    }

    @Test func adoptedOnesAreNeverMoved() {
        var rows = (0..<5).map { Self.row("e\($0)", .failed, age: 100_000_000_000) }
        rows.append(Self.row("live", .pending, age: 1))
        var harness = Self.restored(rows) { ($0.finishedTasksMax, $0.finishedAgeMilliseconds) = (1, 60_000) }
        let worker = harness.worker(1, node: "n1")
        _ = harness.report("live", 1, "completed", from: worker)
        #expect(harness.core.takeChanges().forgottenUpTo == 0)
        let ours = harness.submit(from: harness.client())
        _ = harness.report(ours, 1, "completed", from: worker)
        let end = harness.core.takeChanges().tasks.last?.finishedAt ?? 0
        #expect(harness.task("live").contains("not_found"))
        #expect(harness.task("e0").contains(#""status":"failed""#))
        harness.advance(milliseconds: 120_000)
        #expect(harness.task(ours).contains("not_found"))
        #expect(harness.task("e4").contains(#""status":"failed""#))
        #expect(harness.core.takeChanges().forgottenUpTo == end)
    }

    @Test func idsAreComparedByBytes() {
        // The same letter, composed and decomposed.
        let rows = [Self.row("\u{E9}", .completed, age: 2), Self.row("e\u{301}", .failed, age: 1)]
        var harness = Self.restored(rows)
        #expect(harness.task("\u{E9}").contains("completed"))
        #expect(harness.task("e\u{301}").contains("failed"))
        let isTaken = harness.core.restore(rows[0])
        #expect(!isTaken)
    }

    @Test func tooManyAreRefused() {
        var harness = CoreHarness { $0.foreignIDsMax = 1 }
        var taken: [Bool] = []
        for row in [Self.row("a", .completed, age: 1), Self.row("b", .completed, age: 1)] {
            taken.append(harness.core.restore(row))
        }
        #expect(taken == [true, false])
    }
}
