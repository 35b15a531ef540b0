import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// `scripts/dev-certs.sh`.
@Suite(.timeLimit(.minutes(5))) struct DevCertificatesTests {
    private static let script =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path + "/scripts/dev-certs.sh"

    private func run(_ arguments: [String], status: Int32 = 0) throws -> String {
        let process = try ProgramProcess(Self.script, arguments)
        let ending = process.wait(deadline: .after(seconds: 40))
        #expect(ending == .exited(status), "\(arguments): \(process.output)")
        return process.output
    }

    private func mode(_ path: String) -> mode_t {
        var facts = stat()
        return stat(path, &facts) == 0 ? facts.st_mode & 0o777 : 0
    }

    @Test func itMakesWhatIsMissingAndNothingElse() async throws {
        try await onThread {
            let place = try Scratch()
            let arguments = [
                place.path, "--node", "n1", "--client", "me", "--host", "db1.example", "--host", "192.0.2.7",
            ]
            #expect(try run(arguments).split(separator: "\n").allSatisfy { $0.hasPrefix("made ") })
            let files = try FileManager.default.contentsOfDirectory(atPath: place.path).sorted()
            let names = ["ca", "client-me", "node-n1", "server"]
            #expect(files == names.flatMap { ["\($0).key", "\($0).pem"] })
            for name in names {
                #expect(mode(place.file("\(name).key")) == 0o600)
                #expect(mode(place.file("\(name).pem")) == 0o644)
            }
            let before = files.map { FileManager.default.contents(atPath: place.file($0)) }
            let again = try run(arguments + ["--node", "n2"])
            #expect(again.split(separator: "\n").count { $0.hasPrefix("kept ") } == 4)
            #expect(again.contains("node-n2.key: URI:podling://node/n2, for 365 days"))
            #expect(files.map { FileManager.default.contents(atPath: place.file($0)) } == before)
            let names1 = try Tool.output(
                "openssl",
                ["x509", "-in", place.file("server.pem"), "-noout", "-ext", "subjectAltName"]
            )
            for name in ["DNS:localhost", "IP Address:127.0.0.1", "DNS:db1.example", "IP Address:192.0.2.7"] {
                #expect(names1.contains(name))
            }
            for (purpose, name) in [("sslserver", "server"), ("sslclient", "node-n1"), ("sslclient", "client-me")] {
                let verified = try Tool.output(
                    "openssl",
                    ["verify", "-purpose", purpose, "-CAfile", place.file("ca.pem"), place.file("\(name).pem")]
                )
                #expect(verified.hasSuffix(": OK\n"), "\(verified)")
            }
        }
    }

    @Test func itWritesOverNothing() async throws {
        try await onThread {
            let place = try Scratch()
            _ = try run([place.path, "--node", "n1"])
            let other = try run([place.path, "--host", "db2.example"], status: 1)
            #expect(other.contains("server.pem is there and is not for DNS:db2.example: move it and server.key away"))
            unlink(place.file("node-n1.key"))
            let half = try run([place.path, "--node", "n1"], status: 1)
            #expect(half.contains("node-n1.pem is there without node-n1.key: move it away first"))
            #expect(mode(place.file("node-n1.pem")) == 0o644)
        }
    }

    @Test func itsCommandLineIsChecked() async throws {
        try await onThread {
            for (arguments, words) in [
                (["--bogus"], "there is no option --bogus"), (["--node", "a/b"], "--node must be"),
                (["--node"], "--node needs a value"), (["--days", "826"], "--days must be from 1 to 825"),
                (["--host", "a,b"], "--host must be"), (["a", "b"], "one directory only"),
            ] {
                let said = try run(arguments, status: 64)
                #expect(said.contains(words))
            }
            let help = try run(["--help"])
            #expect(help.contains("node-ID.pem, node-ID.key"))
        }
    }
}
