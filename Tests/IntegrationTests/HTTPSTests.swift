import TestSupport
import Testing

/// HTTP with the master's certificate, by curl.
@Suite(.timeLimit(.minutes(6))) struct HTTPSTests {
    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    private func curl(_ arguments: [String], endsWith code: Int32 = 0) throws -> String {
        try Tool.output("curl", ["-sS", "--max-time", "20"] + arguments, endsWith: .exited(code))
    }

    private func address(_ master: MasterProcess) throws -> String {
        let port = try master.process.readyValue("http").split(separator: ":").last ?? ""
        return "https://localhost:\(port)"
    }

    /// With ALPN, without, and by both versions.
    @Test(arguments: [
        [], ["--no-alpn"], ["--http1.1"], ["--tls-max", "1.2"], ["--tlsv1.3"], ["-H", "Connection: close"],
    ])
    func isServed(flags: [String]) async throws {
        try await onThread {
            let master = try MasterProcess(try TLSMaster.flags(), http: true)
            let base = try address(master)
            let trusted = ["--cacert", workshop.file("ca.pem")] + flags
            let health = try JSON(parsing: Array(try curl(trusted + [base + "/health"]).utf8))
            #expect(health["status"]?.text == "ok")
            #expect(health["tls"]?["certificateEndsAt"]?.text?.hasPrefix("20") == true, "\(health)")
            let task = try curl(
                trusted + [
                    "--json", #"{"name":"hi","image":"busybox","command":["true"]}"#, "\(base)/api/v1/tasks",
                ]
            )
            let list = try curl(trusted + [base + "/api/v1/tasks"])
            #expect(try JSON(parsing: Array(list.utf8)).elements == [try JSON(parsing: Array(task.utf8))])
        }
    }

    /// As many connections as requests, and one for all of them.
    @Test func connectionsAreKeptAndEnded() async throws {
        try await onThread {
            let master = try MasterProcess(try TLSMaster.flags(), http: true)
            let base = try address(master)
            let many = (0..<20).flatMap { _ in ["-o", "/dev/null", base + "/health"] }
            let kept = try curl(["--cacert", workshop.file("ca.pem"), "-w", "%{num_connects}"] + many)
            #expect(kept == "1" + String(repeating: "0", count: 19))
        }
    }

    @Test func whoDoesNotTrustItIsNotServed() async throws {
        try await onThread {
            let master = try MasterProcess(try TLSMaster.flags(), http: true)
            let base = try address(master)
            _ = try curl(["--cacert", workshop.file("other.pem"), base + "/health"], endsWith: 60)
            let says = "the client ended the connection with the alert unknown_ca"
            let log = TLSMaster.log(master, with: says)
            #expect(log.contains(says), "\(log)")
        }
    }

    @Test func plaintextIsTold() async throws {
        try await onThread {
            let master = try MasterProcess(try TLSMaster.flags(), http: true)
            let plain = try address(master).replacing("https:", with: "http:")
            let answer = try curl(["-w", " %{http_code}", plain + "/health"])
            #expect(answer.contains("this port speaks HTTPS"), "\(answer)")
            #expect(answer.hasSuffix(" 400"), "\(answer)")
        }
    }

    @Test func certificatesAreDemandedHereToo() async throws {
        try await onThread {
            let master = try MasterProcess(try TLSMaster.flags(clients: "require"), http: true)
            let base = try address(master)
            let trusted = ["--cacert", workshop.file("ca.pem")]
            let shown = ["--cert", workshop.file("worker.pem"), "--key", workshop.file("worker.key")]
            #expect(try curl(trusted + shown + [base + "/health"]).contains(#""status":"ok""#))
            // In TLS 1.3 the refusal comes with the first read.
            _ = try curl(trusted + [base + "/health"], endsWith: 56)
        }
    }
}
