import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// The table of proto-spec.md, section 10.1, asked of a real master over TCP.
@Suite(.timeLimit(.minutes(6))) struct RoleMatrixTests {
    private static let roles = ["worker", "client", "reader", "admin"]

    /// By operation, what stands in the column of each role, and of `nobody yet`.
    private static func table() throws -> [String: [String: String]] {
        let path = URL(filePath: #filePath).deletingLastPathComponent().path + "/../../proto-spec.md"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let section = try #require(text.split(separator: "\n### 10.1 Roles\n").last).prefix { $0 != "#" }
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("| ") }.map { row in
            row.split(separator: "|").map { $0.filter { !" `".contains($0) } }.filter { !$0.isEmpty }
        }
        let columns = try #require(rows.first).dropFirst()
        #expect(Array(columns) == ["nobodyyet"] + roles)
        var table: [String: [String: String]] = [:]
        for row in rows.dropFirst() {
            for operation in row[0].split(separator: ",") {
                table[String(operation)] = Dictionary(uniqueKeysWithValues: zip(columns, row.dropFirst()))
            }
        }
        return table
    }

    @Test func eachOperationIsForWhomTheDocumentSays() async throws {
        try await onThread {
            let table = try Self.table()
            #expect(table.count == 23)
            let scratch = try Scratch()
            var tokens: [String: String] = [:]
            for role in Self.roles {
                let made = try Tool.output(
                    "sh",
                    ["-c", #""$MASTER" token create --role "$ROLE" --name "$ROLE" --tokens "$FILE" 2>/dev/null"#],
                    environment: [
                        "MASTER": ProductsDirectory.program("podling-master"), "FILE": scratch.file("tokens"),
                        "ROLE": role,
                    ]
                )
                tokens[role] = made.filter { !$0.isNewline }
            }
            let master = try MasterProcess(["--tokens", scratch.file("tokens")])
            for (operation, columns) in table.sorted(by: { $0.key < $1.key }) where operation != "hello" {
                for (role, wanted) in columns {
                    let code = try Self.code(master, operation, role, tokens[role])
                    if wanted == "yes" {
                        #expect(
                            !["forbidden", "unauthenticated"].contains(code),
                            "\(operation) by \(role): \(code ?? "ok")"
                        )
                    } else {
                        #expect(code == wanted, "\(operation) by \(role)")
                    }
                }
            }
            #expect(master.terminate() == .exited(0))
        }
    }

    /// The error's code; nil where it was done.
    private static func code(
        _ master: MasterProcess,
        _ operation: String,
        _ role: String,
        _ token: String?
    ) throws -> String? {
        let connection = try master.connect()
        _ = try Peer.line(connection, "the greeting")
        if let token {
            let who = role == "worker" ? #""worker","node":"n1","instance":"i""# : #""client""#
            try connection.send(line: #"{"op":"hello","proto":1,"role":\#(who),"token":"\#(token)"}"#)
            #expect(try Peer.line(connection, "hello")["ok"] != nil)
        }
        try connection.send(line: #"{"op":"\#(operation)","id":"q"}"#)
        while true {
            let line = try Peer.line(connection, operation)
            if line["re"]?.text == "q" { return line["err"]?["code"]?.text }
        }
    }
}
