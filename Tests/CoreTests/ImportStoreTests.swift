import PodlingProtocol
import TestSupport
import Testing

@testable import PodlingCore

/// Imports where the store keeps more than the core does.
@Suite struct ImportStoreTests {
    private static func task(_ number: Int, _ members: String = #""status":"completed","attempt":1"#) -> String {
        #"{"taskId":"t00000001000\#(number)","createdAt":"2026-01-01T00:00:00.000Z","name":"a","image":"b",\#(members)}"#
    }

    private static func request(_ tasks: String...) -> String {
        #"{"op":"import","id":1,"tasks":[\#(tasks.joined(separator: ","))]}"#
    }

    private static func core(finishedMax: Int = 100) -> CoreHarness {
        CoreHarness {
            $0.asksStore = true
            $0.finishedTasksMax = finishedMax
        }
    }

    /// Answers as a store that has these rows.
    private static func answer(_ harness: inout CoreHarness, _ query: Effects.Query, _ rows: [TaskRow]) {
        guard case .existing(let ids) = query.query else {
            Issue.record("not asked for ids")
            return
        }
        harness.answer(query, StorePage(tasks: rows.filter { ids.contains($0.idText) }))
    }

    @Test func theStoreIsAskedAndWhatItHasIsThere() throws {
        var first = Self.core()
        let client = first.client()
        #expect(first.send(Self.request(Self.task(1), Self.task(2)), from: client).isEmpty)
        let isAsking = first.core.isAsking(client)
        #expect(isAsking)
        let query = try #require(first.queries().first)
        Self.answer(&first, query, [])
        #expect(first.take(client) == [#"{"re":1,"ok":{"imported":2,"existing":0,"conflicts":[]}}"#])
        let isDone = !first.core.isAsking(client)
        #expect(isDone)
        let rows = first.core.takeChanges().tasks
        #expect(rows.count == 2)
        // Another run, which holds none of them.
        var second = Self.core()
        let other = second.client()
        let changed = Self.task(2, #""status":"failed""#)
        second.send(Self.request(Self.task(1), changed, Self.task(3)), from: other)
        Self.answer(&second, try #require(second.queries().first), rows)
        let answer = second.take(other).last ?? ""
        #expect(answer.contains(#""imported":1,"existing":1,"conflicts":[{"index":1,"#), "\(answer)")
        let taken = second.core.takeChanges().tasks.map(\.idText)
        #expect(taken == ["t000000010003"])
    }

    @Test func aStoreThatCannotBeReadTakesNothing() throws {
        var harness = Self.core()
        let client = harness.client()
        harness.send(Self.request(Self.task(1)), from: client)
        harness.answer(try #require(harness.queries().first), nil)
        #expect(harness.take(client).last?.contains(#""code":"unavailable""#) == true)
        let hasChanges = harness.core.hasChanges
        #expect(!hasChanges)
    }

    @Test func whatIsBeyondTheMemoryIsStored() throws {
        var harness = Self.core(finishedMax: 1)
        let client = harness.client()
        harness.send(Self.request(Self.task(1), Self.task(2), Self.task(3, #""status":"pending""#)), from: client)
        Self.answer(&harness, try #require(harness.queries().first), [])
        #expect(harness.take(client).last?.contains(#""imported":3"#) == true)
        let rows = harness.core.takeChanges().tasks
        #expect(Set(rows.map(\.idText)) == ["t000000010001", "t000000010002", "t000000010003"])
        #expect(rows.allSatisfy { $0.spec != nil && $0.importedAt != 0 })
        // The number of the highest is never given again.
        #expect(harness.submit(from: client) == "t000000010004")
    }

    @Test func foreignOnesBeyondTheMemoryStayApart() throws {
        var harness = Self.core(finishedMax: 0)
        let client = harness.client()
        let tasks = (1...3).map { Self.task($0).replacing("t000000010", with: "old-") }
        harness.send(Self.request(tasks[0], tasks[1], tasks[2]), from: client)
        Self.answer(&harness, try #require(harness.queries().first), [])
        let ids = Set(harness.core.takeChanges().tasks.map(\.id))
        #expect(ids.count == 3)
    }

    /// The store was asked for the second before it had what the first took.
    @Test func twoAtATimeTakeATaskOnce() throws {
        var harness = Self.core(finishedMax: 0)
        let clients = [harness.client(1), harness.client(2)]
        for client in clients { harness.send(Self.request(Self.task(1)), from: client) }
        let asked = harness.queries()
        #expect(asked.count == 2)
        Self.answer(&harness, asked[0], [])
        Self.answer(&harness, asked[1], [])
        #expect(harness.take(clients[0]).last?.contains(#""imported":1"#) == true)
        #expect(harness.take(clients[1]).isEmpty)
        let rows = harness.core.takeChanges().tasks
        Self.answer(&harness, try #require(harness.queries().first), rows)
        #expect(harness.take(clients[1]).last?.contains(#""imported":0,"existing":1"#) == true)
        let hasChanges = harness.core.hasChanges
        #expect(!hasChanges)
    }

    @Test func aPeerThatLeavesMeanwhileImportsNothing() throws {
        var harness = Self.core()
        let client = harness.client()
        harness.send(Self.request(Self.task(1)), from: client)
        let query = try #require(harness.queries().first)
        harness.close(client)
        Self.answer(&harness, query, [])
        let hasChanges = harness.core.hasChanges
        #expect(!hasChanges)
    }

    // MARK: Round trips

    /// All tasks, as `list` gives them.
    private static func exported(_ harness: inout CoreHarness) -> [String] {
        let client = harness.client(90)
        let line = harness.send(#"{"op":"list","limit":1000}"#, from: client).first ?? ""
        guard let start = line.firstRange(of: #""tasks":[{"#)?.upperBound else { return [] }
        let end = line.index(line.endIndex, offsetBy: -4)
        return line[start..<end].split(separator: "},{\"taskId\"").enumerated().map { index, text in
            index == 0 ? "{\(text)}" : "{\"taskId\"\(text)}"
        }
    }

    @Test(arguments: 1...30) func anExportImportedIsTheSame(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var source = CoreHarness()
        let client = source.client()
        var workers = (1...3).map { source.worker($0, node: "n\($0)", slots: 4) }
        var ids: [String] = []
        for _ in 0..<120 {
            source.advance(milliseconds: Int64.random(in: 1...300, using: &random))
            for worker in workers { source.send(#"{"op":"heartbeat"}"#, from: worker) }
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let number = ids.count
                let more = [
                    "", #","priority":\#(number % 7),"labels":{"a b":"Ä\u0007"}"#, #","idempotencyKey":"k\#(number)""#,
                    #","env":{"A":"x\ny"},"command":["sh","-c","exit 0"],"maxAttempts":2,"onNodeLost":"keep""#,
                ].randomElement(using: &random)
                ids.append(source.submit(more ?? "", from: client))
            case 4..<9:
                guard let id = ids.randomElement(using: &random) else { continue }
                let task = source.task(id)
                guard let node = CoreHarness.text(of: "nodeId", in: task), let number = Int(node.dropFirst()),
                    let attempt = CoreHarness.text(of: "attempt", in: task).flatMap({ Int($0) })
                else { continue }
                let report = [
                    ("running", #","containerId":"c1""#), ("scheduled", #","detail":"pulling""#), ("completed", ""),
                    ("failed", #","exitCode":3,"error":"it said \"no\"""#), ("failed", #","reason":"image_pull""#),
                ].randomElement(using: &random)
                _ = source.report(id, attempt, report?.0 ?? "", report?.1 ?? "", from: workers[number - 1])
            default:
                guard let id = ids.randomElement(using: &random) else { continue }
                source.send(#"{"op":"cancel","taskId":"\#(id)"}"#, from: client)
            }
        }
        workers = []
        let tasks = Self.exported(&source)
        #expect(tasks.count == ids.count)
        var target = CoreHarness()
        target.now = source.now
        let importer = target.client()
        let answer = target.send(#"{"op":"import","id":1,"tasks":[\#(tasks.joined(separator: ","))]}"#, from: importer)
        #expect(answer == [#"{"re":1,"ok":{"imported":\#(tasks.count),"existing":0,"conflicts":[]}}"#])
        #expect(Self.exported(&target) == tasks)
        let again = target.send(#"{"op":"import","id":1,"tasks":[\#(tasks.joined(separator: ","))]}"#, from: importer)
        #expect(again == [#"{"re":1,"ok":{"imported":0,"existing":\#(tasks.count),"conflicts":[]}}"#])
    }
}
