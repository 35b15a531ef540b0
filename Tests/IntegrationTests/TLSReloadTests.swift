import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// SIGHUP: new files for new connections, and nothing for those that are open.
@Suite(.timeLimit(.minutes(8))) struct TLSReloadTests {
    private let workshop: Workshop
    private let scratch: Scratch

    init() async throws {
        workshop = try await onThread { try Workshop.shared.get() }
        scratch = try Scratch()
    }

    /// Puts a certificate of the workshop and its key where the master looks.
    private func put(_ name: String) throws {
        for kind in ["pem", "key"] {
            let path = "\(scratch.path)/server.\(kind)"
            try Data(try workshop.read("\(name).\(kind)").utf8).write(to: URL(filePath: path + ".new"))
            chmod(path + ".new", 0o600)
            guard rename(path + ".new", path) == 0 else { throw TestSupportError("rename: error \(errno)") }
        }
    }

    private func master(http: Bool = false, _ more: [String] = []) throws -> MasterProcess {
        try MasterProcess(
            ["--tls-cert", "\(scratch.path)/server.pem", "--tls-key", "\(scratch.path)/server.key"] + more,
            http: http
        )
    }

    private func awaitLog(_ master: MasterProcess, _ text: String) -> Bool {
        TLSMaster.log(master, with: text).contains(text)
    }

    /// The subject of what a port shows.
    private func shown(_ address: String) throws -> String {
        let script =
            #"openssl s_client -connect "$AT" -alpn podling/1,http/1.1 </dev/null 2>/dev/null | openssl x509 -noout -subject"#
        return try Tool.output("sh", ["-c", script], environment: ["AT": address])
    }

    @Test func newConnectionsGetTheNewCertificate() async throws {
        try await onThread {
            try put("good")
            let master = try master(http: true)
            let http = try master.process.readyValue("http")
            #expect(try shown(master.address).contains("CN = good"))
            try put("server-only")
            master.process.signal(SIGHUP)
            #expect(awaitLog(master, "were read again"))
            #expect(try shown(master.address).contains("CN = server"))
            #expect(try shown(http).contains("CN = server"))
        }
    }

    /// What is put in its place, and what the log says.
    static let bad: [(put: String, says: String)] = [
        ("malformed", "holds no certificate"), ("expired", "has expired on"), ("absent", "cannot be read"),
        ("wrong key", "is not that of the certificate"),
    ]

    @Test(arguments: bad)
    func whatDoesNotLoadIsNotTaken(kind: String, says: String) async throws {
        try await onThread {
            try put("good")
            let master = try master()
            switch kind {
            case "expired": try put("expired")
            case "absent": unlink("\(scratch.path)/server.pem")
            case "wrong key":
                try Data(try workshop.read("worker.key").utf8).write(to: URL(filePath: "\(scratch.path)/server.key"))
            default: try Data("rubbish".utf8).write(to: URL(filePath: "\(scratch.path)/server.pem"))
            }
            master.process.signal(SIGHUP)
            #expect(awaitLog(master, "read again, and not taken"), "\(master.process.output)")
            #expect(master.process.output.contains(says), "\(master.process.output)")
            #expect(try shown(master.address).contains("CN = good"))
            // And the next one that is good is taken.
            try put("server-only")
            master.process.signal(SIGHUP)
            #expect(awaitLog(master, "were read again"))
            #expect(try shown(master.address).contains("CN = server"))
        }
    }

    /// Old connections, new ones, and a reload every 50 ms with the other certificate.
    private static let load = """
        import json, os, shutil, signal, socket, ssl, threading, time
        here, folder = ("127.0.0.1", int(os.environ["PORT"])), os.environ["FOLDER"]
        context = ssl.create_default_context(cafile=os.environ["CA"])
        context.set_alpn_protocols(["podling/1"])
        names, lock, failures, stop = {}, threading.Lock(), [], threading.Event()
        def connected():
            peer = context.wrap_socket(socket.create_connection(here, 20), server_hostname="localhost")
            lines = peer.makefile("rb")
            assert b'"hello"' in lines.readline()
            name = peer.getpeercert()["subject"][0][0][1]
            with lock: names[name] = names.get(name, 0) + 1
            return peer, lines
        def ping(peer, lines, number):
            peer.sendall(b'{"op":"ping","id":%d}\\n' % number)
            assert lines.readline().startswith(b'{"re":%d,"ok"' % number)
        pings = [0] * 10
        def stays(number):
            try:
                peer = connected()
                while not stop.is_set():
                    pings[number] += 1
                    ping(*peer, pings[number])
            except Exception as error: failures.append(repr(error))
        def comes():
            try:
                while not stop.is_set(): ping(*connected(), 1)
            except Exception as error: failures.append(repr(error))
        threads = [threading.Thread(target=stays, args=(number,)) for number in range(10)]
        threads += [threading.Thread(target=comes) for _ in range(4)]
        for thread in threads: thread.start()
        for number in range(60):
            for kind in ["pem", "key"]:
                shutil.copy(f"{folder}/" + ["server-only", "good"][number % 2] + f".{kind}", os.environ["AT"] + f"/new.{kind}")
                os.rename(os.environ["AT"] + f"/new.{kind}", os.environ["AT"] + f"/server.{kind}")
            os.kill(int(os.environ["MASTER"]), signal.SIGHUP)
            time.sleep(0.05)
        stop.set()
        for thread in threads: thread.join()
        print(json.dumps({"failures": failures, "shown": names, "pingsLeast": min(pings)}))
        """

    @Test func noConnectionIsDroppedUnderLoad() async throws {
        let (result, log) = try await onThread {
            try put("good")
            let master = try master()
            let output = try Tool.output(
                "python3",
                ["-c", Self.load],
                environment: [
                    "PORT": "\(master.port)", "CA": workshop.file("ca.pem"), "FOLDER": workshop.folder,
                    "AT": scratch.path, "MASTER": "\(master.process.processID)",
                ]
            )
            return (try JSON(parsing: Array(output.utf8)), master.process.output)
        }
        print("reload under load: \(result)")
        #expect(result["failures"]?.elements.isEmpty == true, "\(result)")
        #expect(try #require(result["shown"]?["good"]?.int) > 5)
        #expect(try #require(result["shown"]?["server"]?.int) > 5)
        #expect(try #require(result["pingsLeast"]?.int) > 60)
        #expect(log.contains("were read again"))
    }

    /// One that has expired is no reason not to start, and says so.
    @Test func anExpiredCertificateIsLoud() async throws {
        try await onThread {
            try put("expired")
            let master = try master(http: true)
            let log = master.process.output
            #expect(log.contains(" error podling-master: TLS: this master's certificate has expired on 2021"), "\(log)")
            let health = try Tool.output("curl", ["-ksS", "https://\(try master.process.readyValue("http"))/health"])
            let left = try JSON(parsing: Array(health.utf8))["tls"]?["certificateSecondsLeft"]?.int ?? 0
            #expect(left < 0)
            try put("good")
            master.process.signal(SIGHUP)
            #expect(awaitLog(master, "were read again"))
            #expect(try shown(master.address).contains("CN = good"))
        }
    }
}
