import PodlingProtocol
import TestSupport
import Testing

/// Lines as no well-behaved peer sends them, over a real socket.
@Suite(.timeLimit(.minutes(8))) struct BadLineTests {
    /// A master, and a connection to it that has been greeted.
    private static func withConnection(
        _ body: @escaping @Sendable (MasterProcess, LineConnection) throws -> Void
    ) async throws {
        try await onThread {
            let master = try MasterProcess()
            let connection = try master.connect()
            #expect(try Peer.line(connection, "the greeting")["ev"]?.text == "hello")
            try body(master, connection)
            #expect(master.terminate() == .exited(0))
        }
    }

    /// A `ping` of exactly so many bytes, without its line end.
    private static func ping(id: Int, bytes: Int) -> [UInt8] {
        let start = #"{"op":"ping","id":\#(id),"pad":""#
        return Array((start + String(repeating: "x", count: bytes - start.utf8.count - 2) + "\"}").utf8)
    }

    @Test func aLineMayComeByteByByte() async throws {
        try await Self.withConnection { _, connection in
            for byte in #"  {"op":"submit","id":"é","name":"slow","image":"busybox"}"#.utf8 {
                try connection.send([byte])
            }
            for byte in "\r\n".utf8 { try connection.send([byte]) }
            let reply = try Peer.line(connection, "the task")
            #expect(reply["re"]?.text == "é")
            #expect(reply["ok"]?["name"]?.text == "slow")
        }
    }

    @Test(arguments: [false, true], [false, true])
    func theLongestLineIsTakenAndNoLonger(isAfterHello: Bool, isCRLF: Bool) async throws {
        try await Self.withConnection { _, connection in
            let ending = isCRLF ? "\r\n" : "\n"
            let bytesMax = isAfterHello ? Limits.lineBytesMax : Limits.lineBytesBeforeHelloMax
            if isAfterHello {
                try connection.send(line: #"{"op":"hello","id":0,"proto":1,"role":"client"}"#)
                #expect(try Peer.line(connection, "hello")["ok"] != nil)
            }
            for (id, bytes) in [bytesMax - 1, bytesMax].enumerated() {
                try connection.send(Self.ping(id: id, bytes: bytes) + Array(ending.utf8))
                #expect(try Peer.line(connection, "a reply")["re"]?.int == id)
            }
            try connection.send(Self.ping(id: 9, bytes: bytesMax + 1) + Array(ending.utf8))
            let error = try Peer.line(connection, "an error")["err"]
            #expect(error?["code"]?.text == "line_too_long")
            #expect(error?["fatal"] == .bool(true))
            #expect(try connection.readLine() == nil)
        }
    }

    @Test func whatHasNoLineEndIsNotExecuted() async throws {
        try await Self.withConnection { master, connection in
            let submit = #"{"op":"submit","id":1,"name":"half","image":"busybox"}"#
            try connection.send(Array(("\n \t\r\n\n" + #"{"op":"ping","id":0}"# + "\n\r\n" + submit).utf8))
            connection.closeSending()
            #expect(try Peer.line(connection, "pong")["re"]?.int == 0)
            #expect(try connection.readLine() == nil)
            #expect(try Peer(master).request("list")["tasks"] == .array([]))
        }
    }

    @Test func equalIdsAreAnsweredEach() async throws {
        try await Self.withConnection { _, connection in
            for name in ["a", "b", "c"] {
                try connection.send(line: #"{"op":"submit","id":7,"name":"\#(name)","image":"busybox"}"#)
            }
            for name in ["a", "b", "c"] {
                let reply = try Peer.line(connection, "a task")
                #expect(reply["re"]?.int == 7)
                #expect(reply["ok"]?["name"]?.text == name)
            }
        }
    }

    /// Each number is refused where it stands, as JSON or as the member's value, and the connection lives on.
    @Test(arguments: [
        "-1", "-9007199254740991", "-9007199254740992", "9007199254740991", "9007199254740992",
        "123456789012345678901234567890", "1e308", "1e309", "-1e400", "0.5", "1E999999999",
    ])
    func numbersOutOfRange(number: String) async throws {
        try await Self.withConnection { _, connection in
            for member in ["timeoutSeconds", "maxAttempts", "stopGraceSeconds"] {
                let spec = #""name":"a","image":"busybox","\#(member)":\#(number)"#
                try connection.send(line: #"{"op":"submit","id":1,\#(spec)}"#)
                let error = try Peer.line(connection, "an error")["err"]
                let code = error?["code"]?.text
                #expect(code == "bad_json" || code == "bad_request", "\(member): \(number)")
                if code == "bad_request" { #expect(error?["field"]?.text == member) }
            }
            for member in ["limit", "sub", "attempt", "unheardOf"] {
                try connection.send(line: #"{"op":"list","id":2,"\#(member)":\#(number)}"#)
                _ = try Peer.line(connection, "a reply")
            }
            try connection.send(line: #"{"op":"list","id":3}"#)
            #expect(try Peer.line(connection, "the list")["ok"]?["tasks"] == .array([]))
        }
    }
}
