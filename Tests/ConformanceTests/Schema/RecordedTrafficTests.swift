import TestSupport
import Testing

/// What the programs say to each other, line by line, is what docs/schema says.
@Suite struct RecordedTrafficTests {
    @Test(.timeLimit(.minutes(6))) func programsKeepTheSchemas() async throws {
        let faults = try await onThread { try Self.record() }
        #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    }

    private static func record() throws -> [String] {
        let master = try MasterProcess(["--heartbeat", "0.2", "--lease", "5"])
        let relay = try RecordingRelay(to: master.port)
        let environment = ["PODLING_MASTER": relay.address, "PODLING_NODE": "foreign"]
        let own = try ProgramProcess(
            ProductsDirectory.program("podling-worker"),
            ["--engine", "process", "--state-dir", "$DIR/state", "--node-id", "own", "--label", "kind=own"],
            environment: environment
        )
        let foreign = try ProgramProcess(SourceTree.path("Examples/worker.py"), [], environment: environment)
        try live(environment)
        own.terminate()
        foreign.terminate()
        // What it says at its end is part of it.
        let last = try LineConnection(host: "127.0.0.1", port: relay.port)
        _ = try last.readLine()
        master.terminate()
        while try last.readLine() != nil {}
        var traffic: [Int: Traffic] = [:]
        for chunk in relay.close() {
            if chunk.isOfPeer {
                traffic[chunk.connection, default: Traffic()].sent(chunk.bytes)
            } else {
                traffic[chunk.connection, default: Traffic()].came(chunk.bytes)
            }
        }
        guard traffic.count > 10 else { return ["only \(traffic.count) connections were recorded"] }
        let schema = try JSONSchema()
        return try traffic.values.flatMap { try $0.faults(by: schema) }
    }

    /// A day in the life: each kind of task on each worker, seen by each command of the client.
    private static func live(_ environment: [String: String]) throws {
        func client(_ arguments: String..., code: Int32 = 0) throws -> String {
            let program = try ProgramProcess(
                ProductsDirectory.program("podling-client"),
                arguments,
                environment: environment
            )
            let ending = program.wait(deadline: .after(seconds: 120))
            guard ending == .exited(code) else {
                throw TestSupportError(
                    "\(arguments) ended with \(ending.map { "\($0)" } ?? "nothing"): \(program.output)"
                )
            }
            return program.output
        }
        let ran = try client(
            "run",
            "--name",
            "ran",
            "--node-selector",
            "kind=own",
            "none",
            "sh",
            "-c",
            "echo out; echo err >&2; exit 3",
            code: 3
        )
        guard ran.contains("out") else { throw TestSupportError("no output: \(ran)") }
        for _ in 0..<4 { _ = try client("run", "--name", "many", "none", "true", code: 0) }
        let task =
            try client("run", "--name", "long", "-d", "none", "sleep", "600").split(separator: "\n").last.map(
                String.init
            ) ?? ""
        _ = try client("get", task)
        _ = try client("ps", "--all")
        _ = try client("nodes")
        _ = try client("drain", "own")
        _ = try client("drain", "own", "--undo")
        _ = try client("ping")
        _ = try client("cancel", task)
        _ = try client("wait", task, code: 130)
        _ = try client("export", "--output-file", "$DIR/tasks")
    }
}
