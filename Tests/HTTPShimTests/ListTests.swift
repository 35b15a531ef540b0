import HTTPTypes
import Hummingbird
import NIOCore
import PodlingProtocol
import Synchronization
import Testing

@testable import PodlingHTTP

@Suite struct ListTests {
    /// Answers `list` from so many tasks, a page for each request, with a cursor that is the next index.
    private static func door(taskCount: Int, pageSize: Int = 1000) -> FakeDoor {
        FakeDoor(answers: [
            "list": { line in
                let (start, limit) = try JSONReader.read(Array(line.utf8)) { value in
                    (Int(value["cursor"]?.string() ?? "0") ?? 0, value["limit"]?.int() ?? 0)
                }
                let end = min(start + min(limit, pageSize), taskCount)
                let tasks = (start..<end).map { #"{"taskId":"t\#($0)","n":\#($0)}"# }.joined(separator: ",")
                let cursor = end < taskCount ? #","cursor":"\#(end)""# : ""
                return FakeDoor.ok(#"{"tasks":[\#(tasks)]\#(cursor)}"#)
            }
        ])
    }

    @Test(arguments: [0, 1, 1000, 1001, 100_000])
    func all(taskCount: Int) async throws {
        let door = Self.door(taskCount: taskCount)
        try await withShim(door) { client async throws in
            let answer = try await client.send(Call(.get, "/api/v1/tasks"))
            #expect(answer.status == 200)
            let whole = #"{"all":"# + answer.body + "}"
            let numbers = try JSONReader.read(Array(whole.utf8)) { value in
                value["all"]?.elements.map { $0["n"]?.int() ?? -1 } ?? []
            }
            #expect(numbers == Array(0..<taskCount))
            #expect(answer.header("X-Next-Cursor") == nil)
        }
        #expect(door.lines(op: "list").count == max(1, (taskCount + 999) / 1000))
    }

    /// Memory is flat because a page is fetched only when the one before it was taken.
    @Test func noPageIsFetchedAhead() async throws {
        let door = Self.door(taskCount: 20_000)
        let exchange = DoorExchange(door: door, timeoutSeconds: 5)
        let pool = DoorPool(exchange: exchange, sessionsMax: 1)
        let source = PageSource(member: "tasks", opening: Array(#"{"op":"list""#.utf8)) { try await pool.request($0) }
        let response = try await source.all()
        let writer = CountingWriter(door: door)
        try await response.body.write(writer)
        #expect(writer.pagesAhead.withLock { $0 } == Array(repeating: 1, count: 20))
        await pool.close()
        #expect(door.closedCount == 1)
    }

    @Test func emptyPagesAreNoEnd() async throws {
        let pages = [
            "": #"[],"cursor":"a""#, "a": #"[{"n":1}],"cursor":"b""#, "b": #"[ ],"cursor":"c""#, "c": #"[{"n":2}]"#,
        ]
        let door = FakeDoor(answers: [
            "list": { line in
                let cursor = try JSONReader.read(Array(line.utf8)) { $0["cursor"]?.string() ?? "" }
                return FakeDoor.ok(#"{"tasks":\#(pages[cursor] ?? "[]")}"#)
            }
        ])
        try await withShim(door) { client async throws in
            let answer = try await client.send(Call(.get, "/api/v1/tasks"))
            #expect(answer.body == #"[{"n":1},{"n":2}]"# + "\n")
        }
    }

    @Test func aPartNeverPassesForTheWhole() async throws {
        let door = FakeDoor(answers: [
            "list": { line in
                line.contains("cursor") ? FakeDoor.err("internal") : FakeDoor.ok(#"{"tasks":[{"n":1}],"cursor":"a"}"#)
            }
        ])
        try await withShim(door) { client async throws in
            let call = Call(.get, "/api/v1/tasks")
            _ = await #expect(throws: (any Error).self) { try await client.send(call) }
        }
    }

    @Test func filters() async throws {
        let door = FakeDoor()
        try await withShim(door) { client async throws in
            let uri = "/api/v1/tasks?status=pending,running&nodeId=N.1&name=a%22b"
            #expect(try await client.send(Call(.get, uri)).body == "[" + FakeDoor.task + "]\n")
        }
        #expect(
            door.lines.last
                == #"{"op":"list","history":true,"status":["pending","running"],"nodeId":"N.1","name":"a\"b","limit":1000}"#
        )
    }

    @Test func onePage() async throws {
        let door = Self.door(taskCount: 250)
        try await withShim(door) { client async throws in
            let first = try await client.send(Call(.get, "/api/v1/tasks?limit=100&name=a%26b"))
            #expect(first.header("X-Next-Cursor") == "100")
            #expect(first.header("Link") == #"</api/v1/tasks?cursor=100&limit=100&name=a%26b>; rel="next""#)
            #expect(first.body.hasPrefix(#"[{"taskId":"t0""#) && first.body.hasSuffix("\"n\":99}]\n"))
            let last = try await client.send(Call(.get, "/api/v1/tasks?cursor=200"))
            #expect(last.header("X-Next-Cursor") == nil)
            #expect(last.header("Link") == nil)
        }
        #expect(door.lines.last == #"{"op":"list","history":true,"limit":100,"cursor":"200"}"#)
    }

    /// With `partial`, what cannot be shown is counted, and one page is given: its headers come before its body.
    @Test(arguments: ["partial=true", "partial=true&limit=1000", "limit=1000&partial=true&cursor=a"])
    func whatIsLeftOutIsCounted(query: String) async throws {
        let door = FakeDoor(answers: [
            "list": { line in
                // A list with history asks the store, which is away.
                line.contains(#""history":false,"partial":true"#)
                    ? FakeDoor.ok(#"{"tasks":[{"n":1}],"cursor":"b","withheld":3}"#) : FakeDoor.err("unavailable")
            }
        ])
        try await withShim(door) { client async throws in
            let answer = try await client.send(Call(.get, "/api/v1/tasks?\(query)"))
            #expect(answer.status == 200 && answer.body == #"[{"n":1}]"# + "\n")
            #expect(answer.header("X-Withheld") == "3" && answer.header("X-Next-Cursor") == "b")
            #expect(answer.header("Link")?.contains("partial=true") == true)
            for whole in ["", "?partial=false", "?limit=1000", "?partial=true&history=true"] {
                let answer = try await client.send(Call(.get, "/api/v1/tasks\(whole)"))
                #expect(answer.status == 503 && answer.header("X-Withheld") == nil, "\(whole)")
            }
        }
    }

    @Test(arguments: ["partial", "history"]) func truths(name: String) async throws {
        try await withShim(FakeDoor()) { client async throws in
            for value in ["", "yes", "TRUE", "1"] {
                let answer = try await client.send(Call(.get, "/api/v1/tasks?\(name)=\(value)"))
                #expect(answer.status == 400 && answer.body.contains(#""field":"\#(name)""#), "\(answer.body)")
            }
        }
    }

    @Test func nodes() async throws {
        try await withShim(FakeDoor()) { client async throws in
            let answer = try await client.send(Call(.get, "/api/v1/nodes"))
            #expect(answer.body == #"[{"nodeId":"n1"},{"nodeId":"n2"}]"# + "\n")
        }
    }
}

/// Notes at each page how many more pages were fetched than written.
private final class CountingWriter: ResponseBodyWriter, Sendable {
    let door: FakeDoor
    let pagesAhead = Mutex<[Int]>([])

    init(door: FakeDoor) { self.door = door }

    func write(_ buffer: ByteBuffer) async throws {
        guard buffer.readableBytes > 2 else { return }
        let fetched = door.lines(op: "list").count
        pagesAhead.withLock { $0.append(fetched - $0.count) }
    }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
