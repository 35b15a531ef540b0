import TestSupport
import Testing

/// The master as used by hand: with the tools that every machine has.
@Suite(.timeLimit(.minutes(6))) struct ToolTests {
    private static let submit =
        #"{"op":"submit","id":1,"name":"hi","image":"busybox","command":["echo","hi \u00e9"],"env":{"A":"\"x\""}}"#

    /// Each ends the line its own way, says no more, and prints what comes back.
    static let shells = [
        "nc": #"printf '%s\n' "$LINE" | nc -N -w 20 "$HOST" "$PORT""#,
        "nc with CRLF": #"printf '%s\r\n' "$LINE" | nc -N -w 20 "$HOST" "$PORT""#,
        "socat": #"printf '%s\n' "$LINE" | socat -t 20 - "TCP:$HOST:$PORT""#,
    ]

    @Test(arguments: shells.keys.sorted())
    func aLineFromTheShellIsATask(tool: String) async throws {
        try await onThread {
            let master = try MasterProcess(http: true)
            let output = try Tool.output(
                "sh",
                ["-c", Self.shells[tool] ?? ""],
                environment: ["LINE": Self.submit, "HOST": master.host, "PORT": "\(master.port)"]
            )
            let lines = output.split(separator: "\n")
            try #require(lines.count == 2, "\(output)")
            #expect(try JSON(parsing: Array(lines[0].utf8))["ev"]?.text == "hello")
            let start = #"{"re":1,"ok":"#
            try #require(lines[1].hasPrefix(start), "\(output)")
            let task = lines[1].dropFirst(start.count).dropLast()
            let address = try master.process.readyValue("http")
            let list = try Tool.output("curl", ["-sS", "--max-time", "20", "http://\(address)/api/v1/tasks"])
            #expect(list.contains(task), "\(list) holds \(task)")
            #expect(try JSON(parsing: Array(list.utf8)).elements == [try JSON(parsing: Array(task.utf8))])
        }
    }

    @Test func aForeignReaderReadsAll() async throws {
        let script = """
            import json, os, socket, sys
            peer = socket.create_connection((os.environ["HOST"], int(os.environ["PORT"])), 20)
            lines = peer.makefile("r", encoding="utf-8", newline="\\n")
            def strict(pairs):
                assert len(dict(pairs)) == len(pairs), pairs
                return dict(pairs)
            def ask(**request):
                peer.sendall(json.dumps(request, ensure_ascii=request["id"] % 2 == 0).encode() + b"\\n")
                return json.loads(next(lines), object_pairs_hook=strict)
            assert json.loads(next(lines))["ev"] == "hello"
            text = "\\u00e9\\u4e2d\\U0001f600 \\x01\\x7f\\"\\\\\\\\/"
            task = ask(op="submit", id=1, name="hi", image="busybox", env={"A": text}, labels={"k": text})["ok"]
            assert task["env"]["A"] == text and task["labels"]["k"] == text, task
            assert ask(op="get", id=2, taskId=task["taskId"]) == {"re": 2, "ok": task}
            assert ask(op="list", id=3)["ok"]["tasks"] == [task]
            assert ask(op="get", id=4, taskId=text)["err"]["code"] in ("not_found", "bad_request")
            for number, op in enumerate(["nodes", "ping", "watch", "nonsense"], 5):
                assert ask(op=op, id=number)["re"] == number
            print("ok")
            """
        let output = try await onThread {
            let master = try MasterProcess()
            let environment = ["HOST": master.host, "PORT": "\(master.port)"]
            return try Tool.output("python3", ["-c", script], environment: environment)
        }
        #expect(output == "ok\n")
    }
}

/// A task's untrusted texts on a terminal.
@Suite(.timeLimit(.minutes(6))) struct TerminalTests {
    @Test(arguments: ["ps", "get"], ["json", "ndjson"])
    func jsonOnATerminalMovesNothing(command: String, format: String) async throws {
        try await onThread {
            let master = try MasterProcess()
            let hostile = "a\u{9B}31m\u{7F}\u{202E}b"
            let task = try Peer(master).submit(#""name":"a","image":"b","env":{"A":"\#(hostile)"}"#)
            let client = ProductsDirectory.program("podling-client")
            let words =
                [client, command] + (command == "get" ? [task] : []) + ["--master", master.address, "--output", format]
            // A terminal is made for it.
            let shown = try Tool.output("script", ["-qec", words.joined(separator: " "), "/dev/null"])
            #expect(shown.contains(#"a\u009b31m\u007f\u202eb"#), "\(shown.debugDescription)")
            #expect(!shown.unicodeScalars.contains { [0x9B, 0x7F, 0x202E].contains($0.value) })
            // In a pipe it stays as it is.
            #expect(try Tool.output(client, Array(words.dropFirst())).contains(hostile))
        }
    }
}
