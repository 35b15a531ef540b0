import PodlingProtocol
import Testing

@testable import PodlingCore

/// Tasks that ended so long ago that only the store has them: each operation treats them as those in memory.
@Suite struct EndedTaskTests {
    private static let id = "t000000010001"

    private static func row(node: String? = nil, status: TaskStatus = .failed) -> TaskRow {
        var row = TaskRow(named: id, createdAt: 1_767_200_000_000)
        row.status = status
        row.reason = status == .failed ? .exitCode : .none
        row.attempt = node == nil ? 0 : 2
        row.nodeID = node
        row.exitCode = status == .failed ? 3 : nil
        row.finishedAt = status == .failed ? 1_767_200_001_000 : 0
        row.spec = Array(#""name":"a","image":"b""#.utf8)
        return row
    }

    private static func object(_ row: TaskRow) -> String {
        var writer = JSONWriter()
        row.write(to: &writer)
        return writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    private static func harness() -> CoreHarness { CoreHarness { $0.asksStore = true } }

    /// Sends a line about the task, answers as a store that has this row, and gives what was said.
    private static func asked(
        _ harness: inout CoreHarness,
        _ line: String,
        _ row: TaskRow?,
        from client: SessionID
    ) throws -> [String] {
        #expect(harness.send(line, from: client).isEmpty)
        harness.answer(try #require(harness.queries().first), StorePage(tasks: row.map { [$0] } ?? []))
        return harness.take(client)
    }

    @Test(arguments: ["cancel", "wait", "logs", "watch"])
    func whatNoStoreHasIsNotFound(_ operation: String) throws {
        let line = #"{"op":"\#(operation)","id":1,"taskId":"\#(Self.id)"}"#
        var asking = Self.harness()
        let client = asking.client()
        let said = try Self.asked(&asking, line, nil, from: client)
        #expect(said.count == 1 && said[0].contains(#""code":"not_found""#))
        var alone = CoreHarness()
        let other = alone.client()
        #expect(alone.send(line, from: other).first?.contains(#""code":"not_found""#) == true)
    }

    @Test(arguments: ["cancel", "wait", "logs", "watch"])
    func aCopyThatIsBehindIsNoAnswer(_ operation: String) throws {
        var harness = Self.harness()
        let client = harness.client()
        let line = #"{"op":"\#(operation)","id":1,"taskId":"\#(Self.id)"}"#
        let said = try Self.asked(&harness, line, Self.row(node: "n1", status: .running), from: client)
        #expect(said.count == 1 && said[0].contains(#""code":"unavailable""#) && said[0].contains("retry_after_ms"))
        #expect(harness.core.subscriptionCount(of: client) == 0)
    }

    @Test func cancelChangesNothingAndSucceeds() throws {
        var harness = Self.harness()
        let client = harness.client()
        let said = try Self.asked(
            &harness,
            #"{"op":"cancel","id":1,"taskId":"\#(Self.id)","error":"x"}"#,
            Self.row(),
            from: client
        )
        #expect(said == [#"{"re":1,"ok":\#(Self.object(Self.row()))}"#])
        let hasChanges = harness.core.hasChanges
        #expect(!hasChanges)
    }

    @Test func waitTellsTheEndAtOnce() throws {
        var harness = Self.harness()
        let client = harness.client()
        let said = try Self.asked(&harness, #"{"op":"wait","id":1,"taskId":"\#(Self.id)"}"#, Self.row(), from: client)
        let task = Self.object(Self.row())
        #expect(said == [#"{"re":1,"ok":{"sub":1,"task":\#(task)}}"#, #"{"ev":"done","sub":1,"task":\#(task)}"#])
        #expect(harness.core.subscriptionCount(of: client) == 0)
        let next = try Self.asked(&harness, #"{"op":"wait","taskId":"\#(Self.id)"}"#, Self.row(), from: client)
        #expect(next.last?.contains(#""sub":2,"#) == true)
    }

    @Test func watchTellsTheEndAndIsOver() throws {
        var harness = Self.harness()
        let client = harness.client()
        let said = try Self.asked(&harness, #"{"op":"watch","id":1,"taskId":"\#(Self.id)"}"#, Self.row(), from: client)
        #expect(
            said == [
                #"{"re":1,"ok":{"sub":1,"cursor":"e1:0"}}"#,
                #"{"ev":"done","sub":1,"task":\#(Self.object(Self.row()))}"#,
            ]
        )
        #expect(harness.core.subscriptionCount(of: client) == 0)
    }

    @Test func watchOfATaskInMemoryIsOverWithIt() {
        var harness = CoreHarness { $0.finishedTasksMax = 1 }
        let client = harness.client()
        let (first, second) = (harness.submit(from: client), harness.submit(from: client))
        harness.send(#"{"op":"watch","taskId":"\#(first)"}"#, #"{"op":"watch","taskId":"\#(second)"}"#, from: client)
        // The first is forgotten in the turn in which both end.
        let said = harness.send(
            #"{"op":"cancel","taskId":"\#(first)"}"#,
            #"{"op":"cancel","taskId":"\#(second)"}"#,
            from: client
        )
        let events = said.filter { $0.hasPrefix(#"{"ev""#) }
        #expect(events.count { $0.contains(#""to":"cancelled""#) } == 2)
        #expect(events.count { $0.hasPrefix(#"{"ev":"done""#) && $0.contains(#""status":"cancelled""#) } == 2)
        #expect(harness.core.subscriptionCount(of: client) == 0)
        let late = harness.send(#"{"op":"watch","taskId":"\#(second)"}"#, from: client)
        #expect(late.last?.hasPrefix(#"{"ev":"done","sub":3,"task":{"taskId":"\#(second)""#) == true)
    }

    @Test func logsOfOneThatNeverRanEndAtOnce() throws {
        var harness = Self.harness()
        let client = harness.client()
        let said = try Self.asked(&harness, #"{"op":"logs","id":1,"taskId":"\#(Self.id)"}"#, Self.row(), from: client)
        #expect(
            said == [
                #"{"re":1,"ok":{"sub":1,"attempt":0}}"#,
                #"{"ev":"log_end","sub":1,"attempt":0,"status":"failed","exitCode":3,"dropped":0}"#,
            ]
        )
    }

    @Test func logsAreAskedOfTheNodeWhereItIsThere() throws {
        var harness = Self.harness()
        let client = harness.client()
        let line = #"{"op":"logs","id":1,"taskId":"\#(Self.id)","tail":10,"follow":true}"#
        let away = try Self.asked(&harness, line, Self.row(node: "n1"), from: client)
        #expect(away.count == 1 && away[0].contains(#""code":"unavailable","msg":"taskId: the node that has"#))
        let worker = harness.worker(3, node: "n1")
        #expect(
            try Self.asked(&harness, line, Self.row(node: "n1"), from: client) == [
                #"{"re":1,"ok":{"sub":1,"attempt":2}}"#
            ]
        )
        let question = harness.take(worker).last ?? ""
        #expect(question.hasPrefix(#"{"ev":"logs","sub":"#))
        #expect(question.hasSuffix(#""taskId":"\#(Self.id)","attempt":2,"tail":10,"follow":true,"window":262144}"#))
        let number = CoreHarness.text(of: "sub", in: question) ?? ""
        harness.send(#"{"op":"log","sub":\#(number),"stream":"stdout","text":"x"}"#, from: worker)
        harness.send(#"{"op":"log_end","sub":\#(number)}"#, from: worker)
        #expect(
            harness.take(client) == [
                #"{"ev":"log","sub":1,"attempt":2,"stream":"stdout","text":"x"}"#,
                #"{"ev":"log_end","sub":1,"attempt":2,"status":"failed","exitCode":3,"dropped":0}"#,
            ]
        )
        // A worker that says nothing, and one that goes.
        _ = try Self.asked(&harness, line, Self.row(node: "n1"), from: client)
        harness.advance(milliseconds: 11_000)
        #expect(harness.take(client).last?.contains("did not send this task's output in time") == true)
        _ = try Self.asked(&harness, line, Self.row(node: "n1"), from: client)
        harness.close(worker)
        #expect(harness.take(client).last?.contains("the connection to the worker was lost") == true)
        #expect(harness.core.subscriptionCount(of: client) == 0)
    }
}
