import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Master, worker and client over TLS, as programs.
@Suite(.timeLimit(.minutes(8))) struct MutualTLSTests {
    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    /// The commands of docs/OPERATIONS.md, as they stand there.
    private static func walk() throws -> [String] {
        let page = try String(contentsOfFile: Self.repository + "/docs/OPERATIONS.md", encoding: .utf8)
        let section = try #require(page.components(separatedBy: "\n## TLS\n").last)
        let block = try #require(section.components(separatedBy: "```sh\n").dropFirst().first)
        return try #require(block.components(separatedBy: "```").first).split(separator: "\n").map(String.init)
    }

    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    @Test func aStrangerGetsFromNothingToMutualTLS() async throws {
        let output = try await onThread {
            let commands = try Self.walk()
            #expect(commands.count < 10)
            let (place, port) = (try Scratch(), try LineConnection.freePort())
            try FileManager.default.createSymbolicLink(
                atPath: place.file("scripts"),
                withDestinationPath: Self.repository + "/scripts"
            )
            // Only what the test's machine asks for is changed: ports, the engine, and where the worker keeps its id.
            let adapted = commands.map { command in
                var line = command.replacing("podlings://localhost", with: "podlings://localhost:\(port)")
                guard line.hasSuffix("&") else { return line }
                line.removeLast()
                line +=
                    line.contains("podling-worker")
                    ? "--engine process --state-dir state >worker.log 2>&1 &" : ">master.log 2>&1 &"
                guard line.contains("podling-master") else { return line }
                return line
                    + "\nfor try in $(seq 300); do (: </dev/tcp/127.0.0.1/\(port)) 2>/dev/null && break; sleep 0.1; done"
            }
            let script =
                "set -eu\ncd \(place.path)\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n"
                + adapted.joined(separator: "\n")
            let programs = URL(filePath: ProductsDirectory.program("podling-master")).deletingLastPathComponent().path
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            let process = try ProgramProcess(
                "/bin/bash",
                ["-c", script],
                environment: [
                    "PATH": "\(programs):\(path)", "PODLING_LISTEN": "127.0.0.1:\(port)", "PODLING_HTTP_LISTEN": "off",
                ]
            )
            let ending = process.wait(deadline: .after(seconds: 90))
            let logs = (place.lines(of: "master.log") + place.lines(of: "worker.log")).joined(separator: "\n")
            if ending == nil { process.terminate() }
            #expect(ending == .exited(0), "\(process.output)\n\(logs)")
            return process.output
        }
        #expect(output.contains("\nover mutual TLS\n"), "\(output)")
        #expect(output.contains("  ok      ALPN       podling/1\n"), "\(output)")
        #expect(output.contains("  ok      key match  sslkey is that of 'CN=me,O=Podling lab'"), "\(output)")
    }

    private func client(_ arguments: [String]) throws -> (ending: ProgramProcess.Ending?, output: String) {
        let process = try ProgramProcess(ProductsDirectory.program("podling-client"), arguments)
        let ending = process.wait(deadline: .after(seconds: 60))
        if ending == nil { process.terminate() }
        return (ending, process.output)
    }

    private func worker(_ arguments: [String], state: Scratch) throws -> ProgramProcess {
        try ProgramProcess(
            ProductsDirectory.program("podling-worker"),
            ["--engine", "process", "--node-id", "w1", "--state-dir", state.path] + arguments
        )
    }

    /// A master whose certificate is for `db.example` only.
    private func elsewhere() throws -> MasterProcess {
        try MasterProcess(["--tls-cert", workshop.file("elsewhere.pem"), "--tls-key", workshop.file("elsewhere.key")])
    }

    @Test func aCertificateForAnotherNameIsToldByBothNames() async throws {
        try await onThread {
            let master = try elsewhere()
            let address =
                "podlings://localhost:\(master.port)?hostaddr=127.0.0.1&sslrootcert=\(workshop.file("ca.pem"))"
            let names = "is not for 'localhost' but for DNS:db.example, IP:192.0.2.7"
            let (ending, output) = try client(["ps", "--master", address])
            #expect(ending == .exited(125))
            #expect(output.contains(names))
            #expect(output.split(separator: "\n").count == 1, "said once: \(output)")
            let state = try Scratch()
            let worker = try worker(["--master", address], state: state)
            let said = Deadline.after(seconds: 30).poll { worker.output.contains(names) ? true : nil }
            #expect(said == true, "\(worker.output)")
            #expect(worker.terminate() == .exited(0))
            #expect(worker.output.components(separatedBy: names).count == 2, "said once: \(worker.output)")
            // By the name that it has, all is well.
            let right = address.replacing("localhost", with: "db.example")
            #expect(try client(["ps", "--master", right]).ending == .exited(0))
            master.terminate()
        }
    }

    @Test func eachSideSaysThatTheOtherHasTLSOrHasNot() async throws {
        try await onThread {
            let (secure, open) = (try elsewhere(), try MasterProcess())
            let plaintext = try client(["ps", "--master", "127.0.0.1:\(secure.port)"])
            #expect(plaintext.ending == .exited(125))
            #expect(plaintext.output.contains("this port speaks TLS: connect by podlings://"))
            let encrypted = try client(["ps", "--master", "podlings://\(open.address)?sslmode=require"])
            #expect(encrypted.ending == .exited(125))
            #expect(encrypted.output.contains("speaks Podling's protocol without TLS"))
            let state = try Scratch()
            let worker = try worker(["--master", secure.address], state: state)
            let said = Deadline.after(seconds: 30).poll { () -> Bool? in
                worker.output.contains("the master wants TLS: use podlings:// in --master") ? true : nil
            }
            #expect(said == true, "\(worker.output)")
            worker.terminate()
            secure.terminate()
            open.terminate()
        }
    }

    @Test func filesThatCannotBeUsedEndTheWorkerAtOnce() async throws {
        try await onThread {
            let key = try workshop.write("too-open.key", try workshop.read("worker.key"), mode: 0o644)
            let own = ["--sslcert", workshop.file("worker.pem"), "--sslkey"]
            for (arguments, status, words) in [
                (["--sslrootcert", "absent.pem"], Int32(1), "sslrootcert: absent.pem cannot be read"),
                (own + [key], 1, "may be read or changed by others than its owner (mode 0644). chmod 0600 it"),
                (own + [workshop.file("good.key")], 1, "is not that of the certificate in"),
                (["--token-file", "absent"], 1, "--token-file: absent cannot be read"),
                (["--sslmode", "allow"], 64, "would fall back to plaintext without a word"),
            ] {
                let state = try Scratch()
                let worker = try worker(["--master", "podlings://127.0.0.1:1"] + arguments, state: state)
                let ending = worker.wait(deadline: .after(seconds: 30))
                #expect(ending == .exited(status), "\(arguments): \(worker.output)")
                #expect(worker.output.contains(words), "\(worker.output)")
            }
        }
    }
}
