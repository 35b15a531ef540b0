import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// The master program with `--audit`.
@Suite(
    .serialized,
    .timeLimit(.minutes(10)),
    .enabled(if: ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] != nil, "TEST_DATABASE_URL is not set")
) struct AuditedMasterTests {
    private static func transition(_ event: JSON) -> String {
        ["taskId", "from", "to"].map { event[$0]?.text ?? "-" }.joined(separator: " ")
    }

    /// A connection that watches, from after a cursor.
    private static func watch(_ master: MasterProcess, after cursor: String?) throws -> (LineConnection, cursor: String)
    {
        let connection = try master.connect()
        _ = try Peer.line(connection, "the greeting")
        try connection.send(line: #"{"op":"watch"\#(cursor.map { #","cursor":"\#($0)""# } ?? "")}"#)
        let reply = try Peer.line(connection, "watch")
        guard let start = reply["ok"]?["cursor"]?.text else { throw TestSupportError("watch was refused: \(reply)") }
        return (connection, start)
    }

    /// Submits and cancels while somebody watches, under kill -9 of the master: the watcher, which each time continues
    /// after the last cursor that it saw, receives each transition exactly once.
    @Test func aWatcherIsToldEachTransitionOnceThroughKills() async throws {
        try await onThread {
            let database = try TestDatabase()
            var cursor: String?
            var told: [String] = []
            var acknowledged: [String] = []
            for round in 1...4 {
                let master = try MasterProcess(["--audit"], environment: database.environment)
                let (watcher, start) = try Self.watch(master, after: cursor)
                cursor = start
                let connection = try master.connect()
                _ = try Peer.line(connection, "the greeting")
                for _ in 0..<500 { try connection.send(line: #"{"op":"submit","name":"a","image":"busybox"}"#) }
                for number in 0..<300 {
                    let id = try Peer.line(connection, "submit")["ok"]?["taskId"]?.text ?? ""
                    acknowledged.append("\(id) - pending")
                    if number % 10 == 0 { try connection.send(line: #"{"op":"cancel","taskId":"\#(id)"}"#) }
                }
                // It reads some and not all of what it is sent.
                for _ in 0..<round * 100 {
                    let event = try Peer.line(watcher, "a transition")
                    #expect(event["ev"]?.text == "task")
                    told.append(Self.transition(event))
                    cursor = event["cursor"]?.text
                }
                master.process.signal(SIGKILL)
                _ = master.process.wait(deadline: .after(seconds: 10))
            }
            let master = try MasterProcess(["--audit"], environment: database.environment)
            let (watcher, _) = try Self.watch(master, after: cursor)
            let mark = try Peer(master).submit(#""name":"mark","image":"busybox""#)
            while told.last != "\(mark) - pending" { told.append(Self.transition(try Peer.line(watcher, "the rest"))) }
            #expect(Set(told).count == told.count)
            #expect(Set(acknowledged).subtracting(told).isEmpty)
            // The database has what the watcher received.
            let rows = try database.rows(
                "SELECT task_id || ' ' || coalesce(from_status, '-') || ' ' || to_status FROM task_events ORDER BY seq"
            )
            #expect(rows == told)
            #expect(master.terminate() == .exited(0))
            let actors = try database.rows("SELECT DISTINCT split_part(actor, ':', 1) FROM task_events")
            #expect(actors == ["client 127.0.0.1"])
        }
    }

    @Test func aWatcherGoesOnWithAStandbyThatTookOver() async throws {
        try await onThread {
            let database = try TestDatabase()
            let first = try MasterProcess(["--audit"], environment: database.environment)
            let second = try MasterProcess(["--audit"], environment: database.environment)
            let (watcher, start) = try Self.watch(first, after: nil)
            let peer = try Peer(first)
            let ids = try (0..<3).map { _ in try peer.submit(#""name":"a","image":"busybox""#) }
            var cursor = start
            for _ in 0..<2 { cursor = try Peer.line(watcher, "a transition")["cursor"]?.text ?? "" }
            first.process.signal(SIGKILL)
            let again = Deadline.after(seconds: 30).poll { try? Self.watch(second, after: cursor) }
            let (other, _) = try #require(again)
            let rest = try Peer.line(other, "the third")
            #expect(rest["taskId"]?.text == ids[2] && rest["name"]?.text == "a")
            // And from before all of it.
            let (whole, _) = try Self.watch(second, after: start)
            #expect(try (0..<3).map { _ in try Peer.line(whole, "all")["taskId"]?.text } == ids)
            #expect(second.terminate() == .exited(0))
        }
    }

    @Test func withoutTheAuditACursorOfAnEarlierRunIsExpired() async throws {
        try await onThread {
            let database = try TestDatabase()
            var cursor: String?
            for arguments in [["--audit"], [], ["--audit"]] {
                let master = try MasterProcess(arguments, environment: database.environment)
                if let cursor {
                    let line = { try Self.watch(master, after: cursor) }
                    #expect { _ = try line() } throws: { "\($0)".contains("cursor_expired") }
                } else {
                    cursor = try Self.watch(master, after: nil).cursor
                }
                _ = try Peer(master).submit(#""name":"a","image":"busybox""#)
                #expect(master.terminate() == .exited(0))
            }
            #expect(try database.rows("SELECT count(*) FROM task_events") == ["2"])
        }
    }

    @Test func theAuditNeedsADatabase() async throws {
        try await onThread {
            let program = try ProgramProcess(ProductsDirectory.program("podling-master"), ["--audit"])
            #expect(program.wait(deadline: .after(seconds: 20)) == .exited(64))
            #expect(program.output.contains("set STORE_TYPE=postgres"))
        }
    }
}
