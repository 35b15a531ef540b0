import Glibc
import NIOCore
import PodlingClient
import TestSupport
import Testing

private let pending = #"{"taskId":"t1","status":"pending","attempt":0}"#

/// The program itself against a scripted master.
@Suite(.timeLimit(.minutes(6)))
struct ProgramTests {
    private func start(_ arguments: [String], _ master: FakeMaster) throws -> ProgramProcess {
        try ProgramProcess(
            ProductsDirectory.program("podling-client"),
            arguments,
            environment: ["PODLING_MASTER": "\(master.address)"]
        )
    }

    private func end(of program: ProgramProcess) async throws -> ProgramProcess.Ending? {
        try await onThread { program.wait(deadline: .after(seconds: 30)) }
    }

    private static func done(_ members: String) -> String {
        #"{"ev":"done","sub":1,"task":{"taskId":"t1","attempt":1,\#(members)}}"#
    }

    @Test func runPrintsTheOutputAndEndsAsTheTask() async throws {
        let master = try await FakeMaster.start { request in
            switch request.op {
            case "submit": [request.ok(pending)]
            case "wait":
                [
                    request.ok(#"{"sub":1,"task":\#(pending)}"#),
                    .send(Self.done(#""status":"failed","reason":"exit_code","exitCode":3"#)),
                ]
            case "logs":
                [
                    request.ok(#"{"sub":2,"attempt":1}"#),
                    .send(#"{"ev":"log","sub":2,"attempt":1,"stream":"stdout","text":"out\u001b[m\n"}"#),
                    .send(#"{"ev":"log_end","sub":2,"attempt":1,"status":"failed","exitCode":3,"dropped":0}"#),
                ]
            case "get": [request.ok(#"{"taskId":"t1","status":"failed","attempt":1}"#)]
            default: []
            }
        }
        let program = try start(["run", "--name", "hi", "busybox", "sh", "-c", "exit 3"], master)
        #expect(try await end(of: program) == .exited(3))
        #expect(program.output == "out\u{1B}[m\n")
        let submit = try #require(master.requests.first { $0.op == "submit" })
        #expect(submit.line.contains(#""args":["sh","-c","exit 3"]"#))
        #expect(submit.text("idempotencyKey")?.isEmpty == false)
    }

    @Test func outputGoesOnWhereItBrokeOff() async throws {
        let master = try await FakeMaster.start { request in
            switch (request.op, request.connection) {
            case ("submit", _): [request.ok(pending)]
            case ("wait", 0): [request.ok(#"{"sub":1,"task":\#(pending)}"#)]
            case ("wait", _):
                [request.ok(#"{"sub":1,"task":\#(pending)}"#), .send(Self.done(#""status":"completed","exitCode":0"#))]
            case ("logs", 0):
                [
                    request.ok(#"{"sub":2,"attempt":1}"#),
                    .send(#"{"ev":"log","sub":2,"attempt":1,"stream":"stdout","text":"one two "}"#), .close,
                ]
            case ("logs", _):
                [
                    request.ok(#"{"sub":2,"attempt":1}"#),
                    .send(#"{"ev":"log","sub":2,"attempt":1,"stream":"stdout","text":"three\n"}"#),
                    .send(#"{"ev":"log_end","sub":2,"attempt":1,"status":"completed","exitCode":0,"dropped":0}"#),
                ]
            case ("get", _): [request.ok(#"{"taskId":"t1","status":"completed","attempt":1}"#)]
            default: []
            }
        }
        let program = try start(["run", "--quiet", "hi"], master)
        #expect(try await end(of: program) == .exited(0))
        let note = "podling-client: lost the master: the other side closed the connection; trying again\n"
        #expect(program.output.replacing(note, with: "") == "one two three\n")
        let places = master.requests.filter { $0.op == "logs" }.map(\.line)
        #expect(places.first?.contains(#""from":{"stdout":0,"stderr":0}"#) == true, "\(places)")
        #expect(places.last?.contains(#""from":{"attempt":1,"stdout":8,"stderr":0}"#) == true, "\(places)")
    }

    @Test func anInterruptCancelsOnceAndWaitsForTheEnd() async throws {
        let master = try await FakeMaster.start { request in
            switch request.op {
            case "submit": [request.ok(pending)]
            case "wait": [request.ok(#"{"sub":1,"task":\#(pending)}"#)]
            case "logs": [request.ok(#"{"sub":2,"attempt":1}"#)]
            case "cancel":
                [
                    request.ok(pending),
                    .send(#"{"ev":"log_end","sub":2,"attempt":1,"status":"cancelled","dropped":0}"#),
                    .send(Self.done(#""status":"cancelled","reason":"cancelled""#)),
                ]
            case "get": [request.ok(#"{"taskId":"t1","status":"cancelled","attempt":1}"#)]
            default: []
            }
        }
        let program = try start(["run", "hi"], master)
        try await waitFor("logs", in: master)
        program.signal(SIGINT)
        #expect(try await end(of: program) == .exited(130))
        #expect(master.requests.filter { $0.op == "cancel" }.count == 1)
        #expect(program.output.contains("cancelling task t1"))
    }

    @Test func aSecondInterruptLeavesAtOnce() async throws {
        let master = try await FakeMaster.start { request in
            switch request.op {
            case "submit": [request.ok(pending)]
            case "wait": [request.ok(#"{"sub":1,"task":\#(pending)}"#)]
            case "logs": [request.ok(#"{"sub":2,"attempt":1}"#)]
            default: []
            }
        }
        let program = try start(["run", "hi"], master)
        try await waitFor("logs", in: master)
        program.signal(SIGINT)
        try await waitFor("cancel", in: master)
        program.signal(SIGINT)
        #expect(try await end(of: program) == .exited(130))
    }

    @Test func aDetachedRunWritesTheId() async throws {
        let master = try await FakeMaster.start { request in [request.ok(pending)] }
        let program = try start(["run", "--detach", "busybox"], master)
        #expect(try await end(of: program) == .exited(0))
        #expect(program.output == "t1\n")
    }

    @Test func watchGoesOnFromItsCursor() async throws {
        let master = try await FakeMaster.start { request in
            let sequence = request.connection + 1
            let members = #""cursor":"e:\#(sequence)","taskId":"t\#(sequence)","attempt":0,"to":"pending""#
            let event = #"{"ev":"task","sub":4,\#(members)}"#
            return [request.ok(#"{"sub":4,"cursor":"e:\#(sequence - 1)"}"#), .send(event)]
                + (request.connection == 0 ? [.close] : [])
        }
        let program = try start(["watch", "--output", "ndjson"], master)
        _ = try await onThread { Deadline.after(seconds: 30).poll { program.output.contains("\"t2\"") ? true : nil } }
        program.signal(SIGTERM)
        #expect(program.output.contains("\"t1\""))
        #expect(program.output.contains("\"t2\""))
        #expect(master.requests.filter { $0.op == "watch" }.map { $0.text("cursor") } == [nil, "e:1"])
        _ = try await end(of: program)
    }

    @Test func aTableShowsTasks() async throws {
        let master = try await FakeMaster.start { request in
            [request.ok(#"{"tasks":[{"taskId":"t1","name":"hi","image":"busybox","status":"running","nodeId":"n1"}]}"#)]
        }
        let program = try start(["ps"], master)
        #expect(try await end(of: program) == .exited(0))
        #expect(program.output.contains("t1     hi     busybox   running   n1     -"))
        let list = try #require(master.requests.last)
        #expect(list.line.contains(#""status":["pending","scheduled","running"]"#))
    }

    @Test(arguments: [
        (["get", "t9"], 1, "scripted (not_found)"), (["run", "x"], 125, "scripted (not_found)"),
        (["ps", "--limit", "-1"], 64, "--limit"), (["nonsense"], 64, "nonsense"),
        (
            ["ping", "--master", "podlings://h", "--sslmode", "prefer"], 64,
            "would fall back to plaintext without a word"
        ),
        (["ping", "--master", "podlings://h?sslrootcert=absent.pem"], 125, "absent.pem cannot be read: No such file"),
        (["ping", "--token-file", "absent"], 125, "--token-file: absent cannot be read: No such file or directory"),
        (["tls", "doctor", "127.0.0.1:1"], 64, "there is no TLS to examine in plaintext"),
        (
            ["tls", "doctor", "podlings://127.0.0.1:1"], 1,
            "Nothing listens there: start the server, or correct the port."
        ),
        (["ping", "--master", "127.0.0.1:1"], 125, "is podling-master running there?"),
        (["--version"], 0, "0.1.0"),
    ])
    func failuresHaveTheirStatusAndWords(_ arguments: [String], _ status: Int32, _ words: String) async throws {
        let master = try await FakeMaster.start { request in [request.error("not_found")] }
        let program = try start(arguments, master)
        #expect(try await end(of: program) == .exited(status))
        #expect(program.output.contains(words))
    }

    private func waitFor(_ op: String, in master: FakeMaster) async throws {
        let found = try await onThread {
            Deadline.after(seconds: 30).poll { master.requests.contains { $0.op == op } ? true : nil }
        }
        try #require(found == true)
    }
}
