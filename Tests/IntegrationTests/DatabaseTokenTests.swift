import FoundationEssentials
import TestSupport
import Testing

/// `--tokens database`, with two masters.
@Suite(
    .serialized,
    .timeLimit(.minutes(8)),
    .enabled(if: ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] != nil, "TEST_DATABASE_URL is not set")
) struct DatabaseTokenTests {
    private static func token(_ database: TestDatabase, _ arguments: String...) throws -> String {
        let output = try Tool.output(
            "sh",
            ["-c", #""$@" 2>/dev/null"#, "sh", ProductsDirectory.program("podling-master"), "token"] + arguments
                + ["--tokens", "database"],
            environment: database.environment
        )
        return String(output.filter { !$0.isNewline })
    }

    private static func hello(_ master: MasterProcess, _ token: String) throws -> (LineConnection, JSON) {
        let connection = try master.connect()
        #expect(try Peer.line(connection, "the greeting")["auth"]?.text == "token")
        try connection.send(line: #"{"op":"hello","id":"h","proto":1,"role":"client","token":"\#(token)"}"#)
        return (connection, try Peer.line(connection, "hello"))
    }

    @Test func leaderAndStandbyKnowTheSameTokens() async throws {
        try await onThread {
            let database = try TestDatabase()
            let reader = try Self.token(database, "create", "--role", "reader", "--name", "alice")
            #expect(reader.hasPrefix("podling_"))
            let masters = try (0..<2).map { _ in
                try MasterProcess(["--tokens", "database"], environment: database.environment)
            }
            let connections = try masters.map { try Self.hello($0, reader) }
            #expect(connections.allSatisfy { $0.1["ok"] != nil }, "\(connections.map(\.1))")
            for master in masters {
                #expect(try Self.hello(master, reader + "x").1["err"]?["code"]?.text == "unauthenticated")
            }
            for (connection, _) in connections {
                try connection.send(line: #"{"op":"list","id":1}"#)
                #expect(try Peer.line(connection, "list")["ok"] != nil)
            }
            let late = try Self.token(database, "create", "--role", "client", "--name", "late")
            for master in masters {
                #expect(Deadline.after(seconds: 20).poll { try? Self.hello(master, late).1["ok"] } != nil)
            }
            _ = try Self.token(database, "revoke", "alice")
            for (connection, _) in connections {
                #expect(try Peer.line(connection, "the end")["err"]?["code"]?.text == "unauthenticated")
                #expect(try connection.readLine(seconds: 10) == nil)
            }
            for master in masters { #expect(master.terminate() == .exited(0), "\(master.process.output)") }
        }
    }

    @Test func withoutADatabaseItIsSaid() async throws {
        try await onThread {
            let output = try Tool.output(
                ProductsDirectory.program("podling-master"),
                ["--tokens", "database", "--listen", "127.0.0.1:0", "--http-listen", "off"],
                environment: ["STORE_TYPE": "memory"],
                endsWith: .exited(64)
            )
            #expect(output.contains("STORE_TYPE=postgres"), "\(output)")
        }
    }
}
