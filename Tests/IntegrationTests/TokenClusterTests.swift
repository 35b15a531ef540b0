import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Master, worker and client as programs, with tokens.
@Suite(.timeLimit(.minutes(8))) struct TokenClusterTests {
    private struct Cluster {
        let scratch: Scratch
        let master: MasterProcess

        init() throws {
            scratch = try Scratch()
            let admin = try Self.token(scratch, "admin", ["--role", "admin", "--name", "alice"])
            #expect(admin.code == .exited(0))
            master = try MasterProcess(["--tokens", scratch.file("tokens"), "--heartbeat", "0.5", "--lease", "2"])
        }

        /// A new token, in a file of its name.
        static func token(
            _ scratch: Scratch,
            _ file: String,
            _ arguments: [String]
        ) throws -> (code: ProgramProcess.Ending?, path: String) {
            let program = try ProgramProcess(
                "/bin/sh",
                [
                    "-c", #"umask 077; "$@" >"$OUT""#, "sh", ProductsDirectory.program("podling-master"), "token",
                    "create",
                ]
                    + arguments + ["--tokens", scratch.file("tokens")],
                environment: ["OUT": scratch.file(file)]
            )
            return (program.wait(deadline: .after(seconds: 30)), scratch.file(file))
        }

        func make(_ file: String, _ arguments: String...) throws {
            #expect(try Self.token(scratch, file, arguments).code == .exited(0))
        }

        /// The program's output once it ended with `status`.
        func client(_ token: String?, _ arguments: [String], status: Int32 = 0) throws -> String {
            let flags = token.map { ["--token-file", scratch.file($0)] } ?? []
            return try Tool.output(
                ProductsDirectory.program("podling-client"),
                arguments.prefix(1) + ["--master", master.address] + flags + arguments.dropFirst(),
                endsWith: .exited(status)
            )
        }

        func worker(_ token: String, node: String) throws -> ProgramProcess {
            try ProgramProcess(
                ProductsDirectory.program("podling-worker"),
                [
                    "--master", master.address, "--engine", "process", "--slots", "2", "--stop-on-exit", "--node-id",
                    node,
                    "--state-dir", scratch.file("state-\(node)"), "--token-file", scratch.file(token),
                ]
            )
        }
    }

    @Test func theDemoRunsWithTokens() async throws {
        try await onThread {
            let cluster = try Cluster()
            try cluster.make("w1.token", "--role", "worker", "--node", "w1")
            try cluster.make("ci.token", "--role", "client", "--name", "ci")
            try cluster.make("bob.token", "--role", "reader", "--name", "bob")
            let worker = try cluster.worker("w1.token", node: "w1")
            // Tokens that came after the start are seen within seconds.
            let isIn = Deadline.after(seconds: 30).poll {
                (try? cluster.client("bob.token", ["nodes"]))?.contains("w1") == true ? true : nil
            }
            #expect(isIn == true, "\(worker.output)")
            let run = ["run", "busybox", "echo", "hello"]
            #expect(try cluster.client("ci.token", run).contains("hello"))
            #expect(try cluster.client("bob.token", run, status: 125).contains("forbidden"))
            #expect(try cluster.client(nil, ["ps"], status: 1).contains("--token-file"))
            #expect(try cluster.client("bob.token", ["ps", "--all"]).contains("completed"))
            #expect(try cluster.client("bob.token", ["export"]).contains("busybox"))
            #expect(try cluster.client("ci.token", ["drain", "w1"], status: 1).contains("admin"))
            _ = try cluster.client("admin", ["drain", "w1"])
            _ = try cluster.client("bob.token", ["ping"])
            let other = try cluster.worker("w1.token", node: "w2")
            let isSaid = Deadline.after(seconds: 20).poll {
                other.output.contains("hello says w2") && other.output.contains("node w1") ? true : nil
            }
            #expect(isSaid == true, "\(other.output)")
            other.terminate()
            #expect(worker.terminate() == .exited(0))
            #expect(cluster.master.terminate() == .exited(0))
            let log = cluster.master.process.output + worker.output + other.output
            for name in ["admin", "w1.token", "ci.token", "bob.token"] {
                let token = try String(contentsOfFile: cluster.scratch.file(name), encoding: .utf8)
                #expect(!log.contains(token.dropFirst(8).dropLast()))
            }
            #expect(log.contains("client ci") && log.contains("drain"), "\(log)")
        }
    }
}
