import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Followed output continues, once and complete, whichever program is temporarily unavailable.
@Suite(.serialized, .timeLimit(.minutes(8))) struct OutputRideTests {
    /// A line each 20 ms.
    private static let lineCount = 300
    private static let script =
        "i=0; while [ $i -lt \(lineCount) ]; do echo line $i; i=$((i+1)); sleep 0.02; done; printf end"
    private static let wanted: String = (0..<lineCount).map { "line \($0)\n" }.joined() + "end"

    /// A client whose output is read while it runs.
    private final class Follower {
        private let process: ProgramProcess
        private let scratch: Scratch

        init(_ master: MasterProcess, _ arguments: [String]) throws {
            scratch = try Scratch()
            process = try ProgramProcess(
                "/bin/sh",
                ["-c", #"exec "$0" "$@" >"$OUT" 2>"$ERR""#, ProductsDirectory.program("podling-client")] + arguments,
                environment: [
                    "PODLING_MASTER": master.address, "OUT": scratch.file("out"),
                    "ERR": scratch.file("err"),
                ]
            )
        }

        var stdout: String { text("out") }
        var stderr: String { text("err") }

        private func text(_ name: String) -> String {
            String(decoding: FileManager.default.contents(atPath: scratch.file(name)) ?? Data(), as: UTF8.self)
        }

        func awaitText(_ wanted: String) throws {
            let found = Deadline.after(seconds: 60).poll { stdout.contains(wanted) ? true : nil }
            guard found != nil else { throw TestSupportError("no \(wanted) in \(stdout.suffix(200)); \(stderr)") }
        }

        func ending() -> ProgramProcess.Ending? { process.wait(deadline: .after(seconds: 120)) }
    }

    /// The commands that follow a task, each begun before it writes much.
    private static func followers(_ place: OutputPlace, script: String) throws -> [(String, Follower)] {
        let task = try place.submit(script)
        return [
            ("logs -f", try Follower(place.master, ["logs", "-f", task])),
            ("run", try Follower(place.master, ["run", "busybox", "sh", "-c", script])),
        ]
    }

    private static func check(_ followers: [(String, Follower)], _ wanted: String) {
        for (name, follower) in followers {
            #expect(follower.ending() == .exited(0), "\(name): \(follower.stderr)")
            #expect(follower.stdout == wanted, "\(name): \(follower.stderr)")
        }
    }

    @Test(arguments: OutputTableTests.engines) func aWorkerThatIsKilledAndStartedAgain(
        engine: IntegrationEngine
    ) async throws {
        try await onThread {
            let place = try OutputPlace(engine)
            let first = try place.startWorker()
            let followers = try Self.followers(place, script: Self.script)
            for (_, follower) in followers { try follower.awaitText("line 20\n") }
            first.signal(SIGKILL)
            _ = first.wait(deadline: .after(seconds: 30))
            let second = try place.node.start(slots: 4)
            Self.check(followers, Self.wanted)
            second.terminate()
        }
    }

    /// Relays bytes between the master and its worker; SIGUSR1 resets all connections.
    private static let relay = """
        import signal, socket, struct, sys, threading
        listener = socket.create_server(("127.0.0.1", 0))
        open(sys.argv[2] + ".part", "w").write("listen=%d\\n" % listener.getsockname()[1])
        import os; os.rename(sys.argv[2] + ".part", sys.argv[2])
        peers = []
        def reset(*_):
            for peer in peers[:]:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                try: peer.shutdown(socket.SHUT_RD)
                except OSError: pass
                peer.close()
            peers.clear()
        signal.signal(signal.SIGUSR1, reset)
        def pump(source, sink):
            try:
                while data := source.recv(65536): sink.sendall(data)
            except OSError: pass
            for peer in (source, sink):
                try: peer.shutdown(socket.SHUT_RDWR)
                except OSError: pass
        while True:
            try: near, _ = listener.accept()
            except InterruptedError: continue
            far = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            peers.extend([near, far])
            for pair in ((near, far), (far, near)): threading.Thread(target=pump, args=pair, daemon=True).start()
        """

    @Test func aConnectionThatIsReset() async throws {
        try await onThread {
            let place = try OutputPlace(.process)
            let scratch = try Scratch()
            let relay = try ProgramProcess(
                "/usr/bin/env",
                ["python3", "-c", Self.relay, "\(place.master.port)", "$DIR/ports"]
            )
            let port = try relay.readyValue("listen")
            let worker = try ProgramProcess(
                ProductsDirectory.program("podling-worker"),
                ["--master", "127.0.0.1:\(port)", "--engine", "process", "--node-id", "n1", "--slots", "4"]
                    + ["--state-dir", scratch.path]
            )
            try Peer(place.master).awaitNode("n1") { $0["status"]?.text == "online" }
            let followers = try Self.followers(place, script: Self.script)
            for mark in ["line 20\n", "line 100\n"] {
                for (_, follower) in followers { try follower.awaitText(mark) }
                relay.signal(SIGUSR1)
            }
            Self.check(followers, Self.wanted)
            worker.terminate()
        }
    }

    /// A node that becomes silent loses its lease, and `run` follows the next attempt on another.
    @Test func theAttemptAfterANodeThatFellSilent() async throws {
        try await onThread {
            let master = try MasterProcess(["--heartbeat", "0.2", "--lease", "2"])
            let first = try WorkerNode(.process, master)
            let silent = try first.start()
            try Peer(master).awaitNode(first.nodeId) { $0["status"]?.text == "online" }
            let script = #"echo attempt $PODLING_ATTEMPT; [ $PODLING_ATTEMPT = 1 ] && sleep 600; printf end"#
            let run = try Follower(master, ["run", "--max-attempts", "3", "busybox", "sh", "-c", script])
            try run.awaitText("attempt 1\n")
            let second = try WorkerNode(.process, master)
            let well = try second.start()
            try Peer(master).awaitNode(second.nodeId) { $0["status"]?.text == "online" }
            try silent.pause()
            #expect(run.ending() == .exited(0), "\(run.stderr)")
            #expect(run.stdout == "attempt 1\nattempt 2\nend", "\(run.stderr)")
            silent.signal(SIGCONT)
            silent.terminate()
            well.terminate()
        }
    }

    /// Plain `logs` reports what it leaves out.
    @Test func aPlainLogsSaysThatItShowsTheEnd() async throws {
        try await onThread {
            let place = try OutputPlace(.process)
            let worker = try place.startWorker()
            let task = try place.submit(OutputCase.long.script)
            _ = try Peer(place.master).awaitEnd(task)
            let end = try place.client(["logs", task])
            #expect(end.stdout == Array(OutputCase.long.stdout.suffix(65_536)))
            #expect(
                end.notes == [
                    "podling-client: these are the last 65536 bytes of the output; --tail all writes all of it"
                ]
            )
            #expect(try place.client(["logs", "--tail", "10", task]).notes == [])
            worker.terminate()
        }
    }
}
