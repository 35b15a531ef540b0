import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Guessed tokens, over lines and HTTP.
@Suite(.timeLimit(.minutes(6))) struct TokenFailureTests {
    private static let refusal =
        #"{"re":"h","err":{"code":"unauthenticated","msg":"token: is not accepted by this master","field":"token","retryable":false,"fatal":true}}"#

    private static func master(_ scratch: Scratch, http: Bool = false) throws -> (MasterProcess, token: String) {
        let made = try Tool.output(
            "sh",
            ["-c", #""$MASTER" token create --role client --tokens "$FILE" 2>/dev/null"#],
            environment: ["MASTER": ProductsDirectory.program("podling-master"), "FILE": scratch.file("tokens")]
        )
        let master = try MasterProcess(["--tokens", scratch.file("tokens")], http: http)
        return (master, made.filter { !$0.isNewline })
    }

    /// Sends hello and a request that must not be executed after it, closes the sending side, and reads to the end.
    private static func tryOut(_ master: MasterProcess, _ token: String) throws -> [String] {
        let connection = try master.connect()
        _ = try connection.readLine()
        try connection.send(line: #"{"op":"hello","id":"h","proto":1,"role":"client","token":"\#(token)"}"#)
        try connection.send(line: #"{"op":"submit","id":2,"name":"a","image":"b"}"#)
        connection.closeSending()
        var lines: [String] = []
        while let line = try connection.readLine(seconds: 20) { lines.append(String(decoding: line, as: UTF8.self)) }
        return lines
    }

    @Test func wrongTokensAreAnsweredLaterAndLaterAndGoodOnesAtOnce() async throws {
        try await onThread {
            let scratch = try Scratch()
            let (master, token) = try Self.master(scratch)
            let begin = ContinuousClock.now
            for index in 0..<6 { #expect(try Self.tryOut(master, "wrong-\(index)") == [Self.refusal]) }
            // 0.25, 0.5 and 1 s, each by a tick more at most.
            #expect(ContinuousClock.now - begin >= .milliseconds(1_750))
            let waiting = try master.connect()
            _ = try waiting.readLine()
            try waiting.send(line: #"{"op":"hello","id":"h","proto":1,"role":"client","token":"wrong"}"#)
            // The next rejection is delayed by 2 s; the valid token is not.
            #expect(try Self.tryOut(master, token).last?.contains(#""status":"pending""#) == true)
            #expect(!waiting.hasLine(within: 0))
            #expect(try waiting.readLine(seconds: 20).map { String(decoding: $0, as: UTF8.self) } == Self.refusal)
            #expect(try waiting.readLine(seconds: 20) == nil)
            #expect(master.terminate() == .exited(0))
            let log = master.process.output
            #expect(log.split(separator: "\n").filter { $0.contains("denied") }.count == 7, "\(log)")
            #expect(!log.contains("wrong"))
        }
    }

    @Test func aFloodOfWrongTokensLeavesTheLogShortAndOthersServed() async throws {
        try await onThread {
            let scratch = try Scratch()
            let (master, token) = try Self.master(scratch)
            let connections = try (0..<400).map { _ in try master.connect() }
            for connection in connections {
                try connection.send(line: #"{"op":"hello","id":"h","proto":1,"role":"client","token":"wrong"}"#)
            }
            #expect(try Self.tryOut(master, token).last?.contains(#""status":"pending""#) == true)
            #expect(master.terminate() == .exited(0))
            let denials = master.process.output.split(separator: "\n").filter { $0.contains("denied") }.count
            #expect((1...200).contains(denials))
        }
    }

    @Test func overHTTPTheyAreAnsweredTheSame() async throws {
        try await onThread {
            let scratch = try Scratch()
            let (master, token) = try Self.master(scratch, http: true)
            let address = try master.process.readyValue("http")
            func ask(_ token: String) throws -> String {
                try Tool.output(
                    "curl",
                    ["-sS", "-i", "-m", "30", "-H", "Authorization: Bearer \(token)", "http://\(address)/api/v1/nodes"]
                )
            }
            let answers = try (0..<5).map {
                try ask("wrong-\($0)").split(whereSeparator: \.isNewline).map { String($0) }
            }
            for answer in answers {
                #expect(answer.first?.hasPrefix("HTTP/1.1 401") == true)
                #expect(
                    answer.contains {
                        $0.lowercased() == #"www-authenticate: bearer realm="podling", error="invalid_token""#
                    }
                )
                #expect(answer.last == answers.first?.last)
            }
            #expect(try ask(token).hasPrefix("HTTP/1.1 200"))
            #expect(try ask(token).hasPrefix("HTTP/1.1 200"))
            let url = "http://\(address)/api/v1/tasks"
            #expect(try Tool.output("curl", ["-sS", "-m", "30", url]).contains("this needs a token"))
            #expect(master.terminate() == .exited(0))
            let log = master.process.output
            #expect(log.contains("http 127.0.0.1:") && !log.contains("wrong"), "\(log)")
            #expect(log.contains("denied: GET of tasks by nobody"), "\(log)")
        }
    }
}
