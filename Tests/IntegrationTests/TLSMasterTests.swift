import TestSupport
import Testing

/// The master's port behind TLS, met with foreign programs.
@Suite(.timeLimit(.minutes(6))) struct TLSMasterTests {
    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    @Test(arguments: ["TLSv1_2", "TLSv1_3"])
    func pythonIsServed(version: String) async throws {
        let output = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags())
            return try TLSMaster.python(master, environment: ["VERSION": version])
        }
        let lines = output.split(separator: "\n")
        try #require(lines.count == 4, "\(output)")
        #expect(lines[0] == "\(version.replacing("_", with: ".")) podling/1")
        #expect(try JSON(parsing: Array(lines[1].utf8))["ev"]?.text == "hello")
        #expect(try JSON(parsing: Array(lines[2].utf8))["ok"]?["epoch"] != nil)
        #expect(lines[3] == "ended in order")
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func openSSLIsServed(version: String) async throws {
        // The long line ends the connection, and so the program.
        let script = """
            { printf '{"op":"ping","id":7}\\n'; head -c 9000 /dev/zero | tr '\\0' x; echo; } |
                openssl s_client -connect "$HOST:$PORT" "$VERSION" -alpn podling/1 -CAfile "$CA" \
                    -verify_hostname localhost -verify_return_error -quiet -ign_eof 2>&1
            """
        let output = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags())
            return try Tool.output(
                "sh",
                ["-c", script],
                environment: [
                    "HOST": master.host, "PORT": "\(master.port)", "VERSION": version, "CA": workshop.file("ca.pem"),
                ]
            )
        }
        #expect(output.contains(#"{"ev":"hello""#), "\(output)")
        #expect(output.contains(#"{"re":7,"ok":{"#), "\(output)")
        #expect(output.contains(#""code":"line_too_long""#), "\(output)")
    }

    /// What comes of each certificate, by mode.
    static let shown: [(mode: String, certificate: String?, isServed: Bool, logged: String?)] = [
        ("require", "worker", true, nil),
        ("require", nil, false, "the client has shown no certificate, and --tls-client-cert is require"),
        ("require", "foreign-worker", false, "peer="),
        ("optional", nil, true, nil),
        ("optional", "worker", true, nil),
        ("optional", "foreign-worker", false, "peer="),
        ("require", "expired", false, "expired"),
    ]

    @Test(arguments: shown)
    func clientsShowCertificates(mode: String, certificate: String?, isServed: Bool, logged: String?) async throws {
        let (output, log) = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags(clients: mode))
            let output = try TLSMaster.python(master, environment: try certificate.map(TLSMaster.shows) ?? [:])
            return (output, logged.map { TLSMaster.log(master, with: $0) } ?? "")
        }
        #expect(output.contains(#"{"re":1,"ok""#) == isServed, "\(output)")
        if !isServed { #expect(output.contains("refused: "), "\(output)") }
        if let logged { #expect(log.contains(logged), "\(log)") }
    }

    /// The master that goes down says so inside TLS, and then its close_notify.
    private static let waiting = """
        import os, signal, socket, ssl
        context = ssl.create_default_context(cafile=os.environ["CA"])
        context.set_alpn_protocols(["podling/1"])
        plain = socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 20)
        with context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as peer:
            lines = peer.makefile("rb")
            lines.readline()
            os.kill(int(os.environ["MASTER"]), signal.SIGTERM)
            print(lines.read().decode(), end="")
            peer.unwrap()
        """

    @Test func goingDownIsSaid() async throws {
        let (output, ending) = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags(), http: true)
            // One that never answers a close_notify.
            let silent = try TLSMaster.silentPeer(master)
            defer { silent.terminate() }
            let output = try Tool.output(
                "python3",
                ["-c", Self.waiting],
                environment: [
                    "PORT": "\(master.port)", "CA": workshop.file("ca.pem"), "MASTER": "\(master.process.processID)",
                ]
            )
            return (output, master.process.wait(deadline: .after(seconds: 15)))
        }
        #expect(output.hasPrefix(#"{"ev":"drain""#), "\(output)")
        #expect(ending == .exited(0))
    }

    @Test func minimumVersionIsKept() async throws {
        let (old, new) = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags() + ["--tls-min-version", "TLSv1.3"])
            return (
                try TLSMaster.python(master, environment: ["VERSION": "TLSv1_2"]), try TLSMaster.python(master)
            )
        }
        #expect(old.hasPrefix("refused: "), "\(old)")
        #expect(new.contains("TLSv1.3 podling/1"), "\(new)")
    }

    @Test func theEnvironmentServesAsTheFlags() async throws {
        let output = try await onThread {
            let master = try MasterProcess(environment: [
                "PODLING_TLS_CERT": workshop.file("good.pem"), "PODLING_TLS_KEY": workshop.file("good.key"),
                "PODLING_TLS_CLIENT_CA": workshop.file("ca.pem"), "PODLING_TLS_CRL": workshop.file("ca.crl"),
                "PODLING_TLS_CLIENT_ROLE": "", "PODLING_TLS_MIN_VERSION": "", "PODLING_TOKENS_FILE": "",
            ])
            return (
                try TLSMaster.python(master, environment: try TLSMaster.shows("worker")), try TLSMaster.python(master),
                try TLSMaster.python(master, environment: try TLSMaster.shows("revoked"))
            )
        }
        #expect(output.0.contains(#"{"re":1,"ok""#), "\(output.0)")
        // Without --tls-client-cert the CA means that certificates are required.
        #expect(output.1.contains("refused: "), "\(output.1)")
        #expect(output.2.contains("refused: "), "\(output.2)")
    }

    /// Flags and what the log warns of.
    static let warnings: [(flags: [String], word: String)] = [
        (["--tls-cert", "$/nameless.pem", "--tls-key", "$/nameless.key"], "--tls-cert: the certificate names no host"),
        (["--tls-cert", "$/worker.pem", "--tls-key", "$/worker.key"], "--tls-cert: the certificate names no host"),
        (["--tls-cert", "$/client-only.pem", "--tls-key", "$/client-only.key"], "is not for servers"),
        (good + ["--tls-client-ca", "$/client-only.pem"], "client-only.pem holds no CA's certificate"),
        (good + ["--tls-client-ca", "$/ca.pem", "--tls-client-role", "none"], "give --tokens"),
        (
            good + ["--tls-client-ca", "$/ca.pem", "--tls-client-cert", "optional", "--listen", "0.0.0.0:0"],
            "Give --tls-client-cert require"
        ),
        (good + ["--listen", "0.0.0.0:0"], "Give --tls-client-ca"),
        (good + ["--tls-client-ca", "$/ca.pem", "--listen", "0.0.0.0:0"], ""),
    ]
    private static let good = ["--tls-cert", "$/good.pem", "--tls-key", "$/good.key"]

    @Test(arguments: warnings)
    func whatIsOfNoUseIsWarnedOf(flags: [String], word: String) async throws {
        let log = try await onThread {
            let master = try MasterProcess(flags.map { $0.replacing("$", with: workshop.folder) })
            defer { _ = master.terminate() }
            return TLSMaster.log(master, with: word)
        }
        #expect(word.isEmpty ? !log.contains("WARN") && !log.contains("warning") : log.contains(word), "\(log)")
    }

    /// Flags, a word of what is said, and the exit code.
    static let refusals: [(flags: [String], word: String, code: Int32)] = [
        (["--tls-cert", "$/good.pem"], "--tls-cert is given without --tls-key", 64),
        (["--tls-key", "$/good.key"], "--tls-key is given without --tls-cert", 64),
        (["--tls-client-ca", "$/ca.pem"], "--tls-client-ca is given, but there is no TLS", 64),
        (["--tls-min-version", "TLSv1.3"], "--tls-min-version is given, but there is no TLS", 64),
        (["--tls-cert", "$/good.pem", "--tls-key", "$/good.key", "--tls-min-version", "TLSv1.1"], "TLSv1.2 or", 64),
        (["--tls-cert", "$/good.pem", "--tls-key", "$/good.key", "--tls-client-cert", "yes"], "off, optional or", 64),
        (["--tls-cert", "", "--tls-key", ""], "--tls-cert is given, but empty", 64),
        (
            ["--tls-cert", "$/good.pem", "--tls-key", "$/good.key", "--tls-client-ca", ""],
            "--tls-client-ca is given, but", 64
        ),
        (
            ["--tls-cert", "$/good.pem", "--tls-key", "$/good.key", "--tls-crl", ""], "--tls-crl is given, but empty",
            64
        ),
        (["--tls-client-role", ""], "--tls-client-role is given, but empty", 64),
        (["--tls-client-role", "reader"], "--tls-client-role is given, but there is no TLS", 64),
        (["--tokens", ""], "--tokens is given, but empty", 64),
        // Beyond loopback with TLS it continues with the files.
        (
            ["--listen", "0.0.0.0:0", "--tls-cert", "$/good.pem", "--tls-key", "$/absent.key"], "--tls-key: ", 78
        ),
        (
            ["--tls-cert", "$/good.pem", "--tls-key", "$/good.key", "--tls-client-cert", "require"],
            "needs --tls-client-ca", 78
        ),
        (["--tls-cert", "$/good.pem", "--tls-key", "$/absent.key"], "--tls-key: ", 78),
        (["--tls-cert", "$/good.pem", "--tls-key", "$/worker.key"], "is not that of the certificate", 78),
    ]

    @Test(arguments: refusals)
    func whatCannotBeIsRefused(flags: [String], word: String, code: Int32) async throws {
        let (ending, output) = try await onThread {
            let master = try ProgramProcess(
                ProductsDirectory.program("podling-master"),
                ["--listen", "127.0.0.1:0", "--http-listen", "off"]
                    + flags.map { $0.replacing("$", with: workshop.folder) }
            )
            return (master.wait(deadline: .after(seconds: 30)), master.output)
        }
        #expect(ending == .exited(code), "\(output)")
        #expect(output.contains(word), "\(output)")
    }
}
