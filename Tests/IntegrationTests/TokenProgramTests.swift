import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// The life of tokens across programs: created, required, revoked while the master runs.
@Suite(.timeLimit(.minutes(6))) struct TokenProgramTests {
    /// A tokens file of a test.
    private struct Tokens {
        let scratch = Result { try Scratch() }

        var file: String { get throws { try scratch.get().file("tokens") } }

        /// Runs `podling-master token`; what it printed on each stream.
        func run(_ arguments: String..., code: Int32 = 0) throws -> (output: String, errors: String) {
            let scratch = try scratch.get()
            _ = try Tool.output(
                "sh",
                ["-c", #""$@" >"$OUTPUT" 2>"$ERRORS""#, "sh", ProductsDirectory.program("podling-master"), "token"]
                    + arguments + ["--tokens", file],
                environment: ["OUTPUT": scratch.file("output"), "ERRORS": scratch.file("errors")],
                endsWith: .exited(code)
            )
            return (
                try String(contentsOfFile: scratch.file("output"), encoding: .utf8),
                try String(contentsOfFile: scratch.file("errors"), encoding: .utf8)
            )
        }

        /// A new token.
        func make(_ role: String, _ name: String) throws -> String {
            String(try run("create", "--role", role, "--name", name).output.dropLast())
        }

        func master(_ arguments: [String] = [], http: Bool = false) throws -> MasterProcess {
            try MasterProcess(["--tokens", file] + arguments, http: http)
        }
    }

    /// The reply to `hello` with this token, on a connection that is left open.
    private static func hello(_ master: MasterProcess, _ token: String) throws -> (LineConnection, JSON) {
        let connection = try master.connect()
        #expect(try Peer.line(connection, "the greeting")["auth"]?.text == "token")
        try connection.send(line: #"{"op":"hello","id":"h","proto":1,"role":"client","token":"\#(token)"}"#)
        return (connection, try Peer.line(connection, "hello"))
    }

    @Test func aTokenIsShownOnceAndItsHashKept() async throws {
        try await onThread {
            let tokens = Tokens()
            let made = try tokens.run("create", "--role", "worker", "--node", "w1")
            let token = made.output.dropLast()
            #expect(made.output.last == "\n" && token.hasPrefix("podling_") && token.count == 51, "\(made.output)")
            #expect(made.errors.contains("w1") && !made.errors.contains(token))
            let text = try String(contentsOfFile: tokens.file, encoding: .utf8)
            #expect(text.contains("w1 worker w1 ") && !text.contains(token))
            var status = stat()
            #expect(try stat(tokens.file, &status) == 0 && status.st_mode & 0o777 == 0o600)
            let again = try tokens.run("create", "--role", "worker", "--node", "w1", code: 78)
            #expect(again.output.isEmpty && again.errors.contains("--name"), "\(again.errors)")
            _ = try tokens.make("reader", "alice")
            let list = try tokens.run("list").output.split(separator: "\n")
            #expect(list.count == 3 && list[1].hasPrefix("alice  reader"), "\(list)")
            _ = try tokens.run("revoke", "w1")
            #expect(try tokens.run("revoke", "w1", code: 78).errors.contains("there is no token w1"))
            #expect(try tokens.run("list").output.split(separator: "\n").count == 2)
        }
    }

    /// OpenSSL with no provider but its null one.
    @Test func withoutSHA256ATokenIsRefusedAndTheMasterGoesOn() async throws {
        try await onThread {
            let tokens = Tokens()
            let token = try tokens.make("client", "c")
            let configuration = try tokens.scratch.get().file("openssl.cnf")
            let lines = ["openssl_conf = a", "[a]", "providers = b", "[b]", "null = c", "[c]", "activate = 1", ""]
            try lines.joined(separator: "\n").write(toFile: configuration, atomically: false, encoding: .utf8)
            let environment = ["OPENSSL_CONF": configuration]
            let program = try ProgramProcess(
                ProductsDirectory.program("podling-master"),
                ["token", "create", "--role", "client", "--tokens", tokens.file],
                environment: environment
            )
            #expect(program.wait(deadline: .after(seconds: 60)) == .exited(78))
            #expect(program.output.contains("openssl.cnf"), "\(program.output)")
            let master = try MasterProcess(["--tokens", tokens.file], environment: environment)
            for _ in 0..<3 {
                let (_, reply) = try Self.hello(master, token)
                #expect(reply["err"]?["code"]?.text == "internal", "\(reply)")
            }
        }
    }

    @Test(arguments: [
        (["--role", "root"], "root"), (["--role", "client", "--node", "n1"], "only a worker"),
        (["--role", "worker", "--node", "n/1"], "node id"), (["--role", "client", "--name", ""], "a name"),
    ])
    func whatCannotBeMadeIsSaid(arguments: [String], word: String) async throws {
        try await onThread {
            let scratch = try Scratch()
            let program = try ProgramProcess(
                ProductsDirectory.program("podling-master"),
                ["token", "create"] + arguments + ["--tokens", scratch.file("tokens")]
            )
            let ending = program.wait(deadline: .after(seconds: 30))
            #expect([.exited(64), .exited(78)].contains(ending), "\(program.output)")
            #expect(program.output.contains(word), "\(program.output)")
            #expect(!FileManager.default.fileExists(atPath: scratch.file("tokens")))
        }
    }

    @Test func manyMadeAtOnceAreAllThere() async throws {
        try await onThread {
            let tokens = Tokens()
            let programs = try (0..<12).map {
                try ProgramProcess(
                    ProductsDirectory.program("podling-master"),
                    ["token", "create", "--role", "client", "--name", "c\($0)", "--tokens", tokens.file]
                )
            }
            for program in programs {
                #expect(program.wait(deadline: .after(seconds: 60)) == .exited(0), "\(program.output)")
            }
            #expect(try tokens.run("list").output.split(separator: "\n").count == 13)
        }
    }

    @Test func aMasterWithoutUsableTokensDoesNotStart() async throws {
        try await onThread {
            let scratch = try Scratch()
            let file = scratch.file("tokens")
            func start(_ word: String) throws {
                let output = try Tool.output(
                    ProductsDirectory.program("podling-master"),
                    ["--listen", "127.0.0.1:0", "--http-listen", "off", "--tokens", file],
                    endsWith: .exited(78)
                )
                #expect(output.contains(word) && output.contains(file), "\(output)")
            }
            try start("token create")
            try Data("nonsense\n".utf8).write(to: URL(filePath: file))
            try start("line 1")
            try Data().write(to: URL(filePath: file))
            chmod(file, 0o666)
            try start("chmod")
        }
    }

    @Test func aFileIsReadAgainOnceItMayBeRead() async throws {
        try await onThread {
            let tokens = Tokens()
            let token = try tokens.make("client", "ci")
            let master = try tokens.master()
            let (connection, reply) = try Self.hello(master, token)
            #expect(reply["ok"] != nil)
            chmod(try tokens.file, 0o666)
            // In place: the repair changes neither its inode nor its size nor its time.
            #expect(truncate(try tokens.file, 0) == 0)
            #expect(TLSMaster.log(master, with: "chmod go-w").contains("tokens stay as they were"))
            chmod(try tokens.file, 0o600)
            #expect(try Peer.line(connection, "the end")["err"]?["code"]?.text == "unauthenticated")
        }
    }

    @Test func aTokenGoesToANewFile() async throws {
        try await onThread {
            let tokens = Tokens()
            let file = try tokens.scratch.get().file("w1.token")
            let made = try tokens.run("create", "--role", "worker", "--node", "w1", "--out", file)
            let token = try String(contentsOfFile: file, encoding: .utf8)
            #expect(made.output.isEmpty && made.errors.contains(file) && !made.errors.contains(token.dropLast()))
            #expect(token.hasPrefix("podling_") && token.utf8.count == 52)
            var status = stat()
            #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
            // Neither an existing file nor a taken name is overwritten, and nothing is left behind.
            #expect(
                try tokens.run("create", "--role", "client", "--out", file, code: 78).errors.contains(
                    "is there already"
                )
            )
            #expect(try String(contentsOfFile: file, encoding: .utf8) == token)
            let other = try tokens.scratch.get().file("other.token")
            _ = try tokens.run("create", "--role", "client", "--name", "w1", "--out", other, code: 78)
            #expect(!FileManager.default.fileExists(atPath: other))
            #expect(try tokens.run("list").output.split(separator: "\n").count == 2)
            #expect(try !tokens.run("create", "--help").output.contains("--tls-"))
        }
    }

    @Test func aLinkToTheFileStaysALink() async throws {
        try await onThread {
            let tokens = Tokens()
            let (link, real) = (try tokens.file, try tokens.scratch.get().file("real/tokens"))
            try FileManager.default.createDirectory(
                atPath: tokens.scratch.get().file("real"),
                withIntermediateDirectories: false
            )
            #expect(symlink(real, link) == 0)
            #expect(try tokens.run("create", "--role", "client", code: 78).errors.contains("link to a file"))
            try Data().write(to: URL(filePath: real))
            _ = try tokens.make("client", "ci")
            #expect(try String(contentsOfFile: real, encoding: .utf8).contains("ci client"))
            _ = try tokens.run("revoke", "ci")
            #expect(try !String(contentsOfFile: real, encoding: .utf8).contains("ci client"))
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == real)
            #expect(try tokens.run("revoke", "#", code: 64).errors.contains("a name is"))
        }
    }

    @Test func rolesHoldAndARevokedTokenEndsItsConnection() async throws {
        try await onThread {
            let tokens = Tokens()
            let (reader, client) = (try tokens.make("reader", "alice"), try tokens.make("client", "ci"))
            let master = try tokens.master()
            let (reading, readerReply) = try Self.hello(master, reader)
            #expect(readerReply["ok"] != nil)
            try reading.send(line: #"{"op":"submit","id":1,"name":"a","image":"b"}"#)
            #expect(try Peer.line(reading, "submit")["err"]?["code"]?.text == "forbidden")
            let (submitting, clientReply) = try Self.hello(master, client)
            #expect(clientReply["ok"] != nil)
            try submitting.send(line: #"{"op":"submit","id":1,"name":"a","image":"b"}"#)
            #expect(try Peer.line(submitting, "submit")["ok"]?["status"]?.text == "pending")
            _ = try tokens.run("revoke", "ci")
            #expect(try Peer.line(submitting, "the end")["err"]?["code"]?.text == "unauthenticated")
            #expect(try submitting.readLine(seconds: 10) == nil)
            let (refused, refusal) = try Self.hello(master, client)
            #expect(refusal["err"]?["code"]?.text == "unauthenticated")
            #expect(try refused.readLine(seconds: 10) == nil)
            let late = try tokens.make("client", "late")
            let isIn = Deadline.after(seconds: 20).poll { try? Self.hello(master, late).1["ok"] }
            #expect(isIn != nil)
            try reading.send(line: #"{"op":"list","id":2}"#)
            #expect(try Peer.line(reading, "list")["ok"] != nil)
            // An unreadable file changes nothing.
            try Data("nonsense\n".utf8).write(to: URL(filePath: tokens.file))
            let isSaid = Deadline.after(seconds: 20).poll { master.process.output.contains("line 1") ? true : nil }
            #expect(isSaid == true)
            #expect(try Self.hello(master, reader).1["ok"] != nil)
            #expect(master.terminate() == .exited(0))
            let log = master.process.output
            #expect(log.contains("denied") && log.contains("reader alice") && log.contains("submit"), "\(log)")
            #expect(log.contains("127.0.0.1:"))
            for secret in [reader, client, late] { #expect(!log.contains(secret.dropFirst(8))) }
        }
    }
}
