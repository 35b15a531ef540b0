import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Certificates as identities, over lines and HTTP, and in combination with tokens.
@Suite(.timeLimit(.minutes(8))) struct TokenCertificateTests {
    /// Certificate, line, and words of the two lines that come.
    static let lines: [(certificate: String, line: String, words: [String])] = [
        ("worker", #"{"op":"hello","id":1,"proto":1,"role":"worker","node":"w1","instance":"i"}"#, ["mtls", #""ok""#]),
        (
            "worker", #"{"op":"hello","id":1,"proto":1,"role":"worker","node":"w2","instance":"i"}"#,
            ["forbidden", "w1", "w2"]
        ),
        ("worker", #"{"op":"submit","id":1,"name":"a","image":"b"}"#, ["forbidden", "worker w1"]),
        ("client-only", #"{"op":"submit","id":1,"name":"a","image":"b"}"#, ["mtls", "pending"]),
        ("client-only", #"{"op":"drain","id":1,"nodeId":"n"}"#, ["forbidden", "admin"]),
        (
            "client-only", #"{"op":"hello","id":1,"proto":1,"role":"worker","node":"w1","instance":"i"}"#,
            ["forbidden", "worker", "CN=client"]
        ),
        (
            "worker",
            #"{"op":"hello","id":1,"proto":1,"role":"worker","node":"w1","instance":"i","token":"podling_x"}"#,
            ["unauthenticated", "not accepted"]
        ),
    ]

    @Test(arguments: lines.indices)
    func aCertificateSaysWhoItIs(index: Int) async throws {
        let (certificate, line, words) = Self.lines[index]
        try await onThread {
            let master = try MasterProcess(try TLSMaster.flags(clients: "require"))
            var environment = try TLSMaster.shows(certificate)
            environment["LINE"] = line
            let output = try TLSMaster.python(master, environment: environment)
            for word in words { #expect(output.contains(word), "\(output)") }
            #expect(master.terminate() == .exited(0))
        }
    }

    @Test(arguments: [("reader", "forbidden"), ("none", "unauthenticated"), ("admin", "pending")])
    func certificatesThatNameNoNodeHaveTheRoleThatIsSet(role: String, word: String) async throws {
        try await onThread {
            let master = try MasterProcess(try TLSMaster.flags(clients: "require") + ["--tls-client-role", role])
            var environment = try TLSMaster.shows("client-only")
            environment["LINE"] = #"{"op":"submit","id":1,"name":"a","image":"b"}"#
            let output = try TLSMaster.python(master, environment: environment)
            #expect(output.contains(word), "\(output)")
        }
    }

    /// The doctor goes by the master's words: these are a real one's.
    @Test(arguments: [
        ("worker", "client", "lets this in as a worker, and not as a client: worker w1", 0 as Int32),
        ("client-only", "client", "leads", 0), ("client-only", "none", "asks for a token, and none is given", 1),
    ])
    func theDoctorKnowsWhatACertificateIsGoodFor(
        _ certificate: String,
        _ role: String,
        _ words: String,
        _ code: Int32
    )
        async throws
    {
        try await onThread {
            let workshop = try Workshop.shared.get()
            let master = try MasterProcess(try TLSMaster.flags(clients: "require") + ["--tls-client-role", role])
            let doctor = try ProgramProcess(
                ProductsDirectory.program("podling-client"),
                [
                    "tls", "doctor", "podlings://localhost:\(master.port)", "--sslrootcert", workshop.file("ca.pem"),
                    "--sslcert", workshop.file("\(certificate).pem"), "--sslkey", workshop.file("\(certificate).key"),
                ]
            )
            #expect(doctor.wait(deadline: .after(seconds: 30)) == .exited(code))
            #expect(doctor.output.contains(words), "\(doctor.output)")
        }
    }

    /// Each try is a race between the master's refusal and the request.
    @Test func overHTTPSACertificateThatNobodyGetsInWithIsForbidden() async throws {
        try await onThread {
            let workshop = try Workshop.shared.get()
            try workshop.issue("two-nodes", subject: "/CN=two", names: "URI:podling://node/a,URI:podling://node/b")
            let master = try MasterProcess(try TLSMaster.flags(clients: "require"), http: true)
            let port = try master.process.readyValue("http").split(separator: ":").last ?? ""
            for _ in 0..<12 {
                let output = try Tool.output(
                    "curl",
                    [
                        "-sS", "-m", "20", "-w", " %{http_code}", "--cacert", workshop.file("ca.pem"),
                        "--cert", workshop.file("two-nodes.pem"), "--key", workshop.file("two-nodes.key"),
                        "https://localhost:\(port)/api/v1/nodes",
                    ]
                )
                #expect(output.hasSuffix(" 403") && output.contains("2 URIs podling://"), "\(output)")
            }
        }
    }

    @Test func overHTTPSTheCertificateOrTheTokenCounts() async throws {
        try await onThread {
            let workshop = try Workshop.shared.get()
            let scratch = try Scratch()
            let file = scratch.file("tokens")
            let made = try Tool.output(
                "sh",
                ["-c", #""$MASTER" token create --role reader --tokens "$FILE" 2>/dev/null"#],
                environment: ["MASTER": ProductsDirectory.program("podling-master"), "FILE": file]
            )
            let token = made.filter { !$0.isNewline }
            let master = try MasterProcess(
                try TLSMaster.flags(clients: "optional") + ["--tokens", file],
                http: true
            )
            let port = try master.process.readyValue("http").split(separator: ":").last ?? ""
            func status(_ path: String, _ arguments: [String]) throws -> String {
                let url = "https://localhost:\(port)\(path)"
                let standard = [
                    "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", workshop.file("ca.pem"),
                ]
                return try Tool.output("curl", standard + arguments + [url])
            }
            func shows(_ name: String) -> [String] {
                ["--cert", workshop.file("\(name).pem"), "--key", workshop.file("\(name).key")]
            }
            let submit = ["-H", "Content-Type: application/json", "-d", #"{"name":"a","image":"b"}"#]
            let bearer = ["-H", "Authorization: Bearer \(token)"]
            #expect(try status("/health", []) == "200")
            #expect(try status("/api/v1/tasks", []) == "401")
            #expect(try status("/api/v1/tasks", bearer) == "200")
            #expect(try status("/api/v1/tasks", bearer + submit) == "403")
            #expect(try status("/api/v1/tasks", shows("client-only") + submit) == "201")
            // Both: the token's role counts.
            #expect(try status("/api/v1/tasks", shows("client-only") + bearer + submit) == "403")
            #expect(try status("/api/v1/tasks", shows("worker")) == "403")
            let register = ["-H", "Content-Type: application/json", "-d", #"{"nodeId":"w1","capacity":1}"#]
            #expect(try status("/api/v1/nodes/register", shows("worker") + register) == "201")
            #expect(try status("/api/v1/nodes/register", shows("client-only") + register) == "403")
            #expect(try status("/api/v1/nodes/w1/heartbeat", shows("worker") + ["-X", "POST"]) == "200")
            #expect(master.terminate() == .exited(0))
            #expect(!master.process.output.contains(token.dropFirst(8)))
        }
    }
}
