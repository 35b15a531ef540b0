import PodlingCore
import PodlingProtocol
import Testing

/// What one peer may cause is counted, and bounded.
@Suite struct WorkTests {
    /// A line that makes the core look at every task counts for that.
    @Test func alistOverManyTasksIsMoreWorkThanAPing() {
        var harness = CoreHarness()
        let client = harness.client()
        let specs = [String](repeating: #"{"name":"a","image":"b"}"#, count: 1_000).joined(separator: ",")
        for _ in 0..<3 { harness.send(#"{"op":"submit_many","tasks":[\#(specs)]}"#, from: client) }
        let before = harness.core.work
        harness.send(#"{"op":"ping"}"#, from: client)
        let ping = harness.core.work - before
        harness.send(#"{"op":"list","labels":{"a":"b"}}"#, from: client)
        let list = harness.core.work - before - ping
        #expect(list > 100 * ping && list > 3_000, "\(ping) and \(list)")
    }

    /// A page ends when it has read so many bytes of specs, and says where to go on.
    @Test func aPageReadsBoundedBytesOfSpecs() {
        var harness = CoreHarness()
        let client = harness.client()
        let value = String(repeating: "x", count: 60_000)
        for _ in 0..<100 { _ = harness.submit(#","env":{"A":"\#(value)"}"#, from: client) }
        var cursor = ""
        var pages = 0
        repeat {
            pages += 1
            let page = harness.send(#"{"op":"list","labels":{"a":"b"}\#(cursor)}"#, from: client).first ?? ""
            cursor = CoreHarness.text(of: "cursor", in: page).map { #","cursor":"\#($0)""# } ?? ""
        } while !cursor.isEmpty && pages < 10
        #expect(pages == 2)
    }

    /// Bytes are bounded, not only the number of tasks.
    @Test func specsTakeBoundedBytes() {
        var harness = CoreHarness { $0.tasksBytesMax = 1_000_000 }
        let client = harness.client()
        let value = String(repeating: "x", count: 60_000)
        var ids: [String] = []
        for _ in 0..<16 { ids.append(harness.submit(#","env":{"A":"\#(value)"}"#, from: client)) }
        let refusal =
            harness.send(
                #"{"op":"submit","name":"a","image":"b","env":{"A":"\#(value)"}}"#,
                from: client
            ).first ?? ""
        #expect(refusal.contains(#""code":"overloaded""#) && refusal.contains("--tasks-bytes-max"), "\(refusal)")
        // Ended tasks make room for live ones, the oldest first.
        for id in ids.prefix(8) { harness.send(#"{"op":"cancel","taskId":"\#(id)"}"#, from: client) }
        #expect(!harness.submit(#","env":{"A":"\#(value)"}"#, from: client).isEmpty)
        #expect(harness.task(ids[0]).contains(#""code":"not_found""#))
        #expect(harness.task(ids[7]).contains(#""status":"cancelled""#))
    }

    @Test func differentShapesAreBounded() {
        var harness = CoreHarness { $0.shapesMax = 3 }
        let client = harness.client()
        func submit(_ cpu: Int) -> String {
            harness.send(
                #"{"op":"submit","name":"a","image":"b","resources":{"requests":{"cpu":\#(cpu)}}}"#,
                from: client
            ).first ?? ""
        }
        for cpu in 1...3 { #expect(submit(cpu).contains(#""ok""#)) }
        #expect(submit(4).contains(#""code":"overloaded""#))
        #expect(submit(3).contains(#""ok""#))
    }

    /// However many shapes are blocked, each is looked at in some turn once there is room.
    @Test func aNodeWithRoomIsFoundBehindManyBlockedShapes() {
        var harness = CoreHarness()
        let client = harness.client()
        // They fit nowhere.
        for round in 0..<70 {
            let specs = (0..<1_000).map {
                #"{"name":"a","image":"b","resources":{"requests":{"cpu":8}},"nodeSelector":{"k":"\#(round)-\#($0)"}}"#
            }
            harness.send(#"{"op":"submit_many","tasks":[\#(specs.joined(separator: ","))]}"#, from: client)
        }
        let last = harness.submit(#","nodeSelector":{"k":"wanted"}"#, from: client)
        let worker = harness.worker(1, node: "n1", extra: #","labels":{"k":"wanted"}"#)
        #expect(harness.take(worker).contains { $0.contains(last) })
    }

    /// The order of ids holds, however the tasks of an import come.
    @Test func importsInAnyOrderAreListedInOrder() {
        var harness = CoreHarness()
        let client = harness.client()
        let first = harness.submit(from: client)
        func task(_ number: UInt64) -> String {
            #"{"taskId":"\#(TaskID(number: number).text)","status":"cancelled","createdAt":"2026-01-01T00:00:00Z","#
                + #""name":"a","image":"b"}"#
        }
        for numbers: [UInt64] in [[50, 20, 90], [30, 10, 91, 60], [25]] {
            let tasks = numbers.map(task).joined(separator: ",")
            harness.send(#"{"op":"import","tasks":[\#(tasks)]}"#, from: client)
        }
        let page = harness.send(#"{"op":"list"}"#, from: client).first ?? ""
        let ids = page.components(of: "taskId")
        #expect(ids == [first] + [10, 20, 25, 30, 50, 60, 90, 91].map { TaskID(number: $0).text })
        for id in ids { #expect(harness.task(id).contains(id)) }
    }
}

extension String {
    /// The values of all members of this name.
    fileprivate func components(of name: String) -> [String] {
        ranges(of: "\"\(name)\":\"").map { String(self[$0.upperBound...].prefix { $0 != "\"" }) }
    }
}
