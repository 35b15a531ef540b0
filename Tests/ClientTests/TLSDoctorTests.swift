import Glibc
import NIOPosix
import PodlingTLS
import TestSupport
import Testing

@testable import PodlingClient

/// Each finding of `tls doctor`, from a server that causes it.
@Suite(.timeLimit(.minutes(5)))
struct TLSDoctorTests {
    private typealias Step = DoctorFinding.Step

    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    private var trusted: String { "sslrootcert=\(workshop.file("ca.pem"))" }

    private func master(
        _ certificate: String = "good",
        clients: TLSClientCertificates = .off
    ) async throws -> FakeMaster {
        var server = TLSServerConfiguration(
            certificateFile: workshop.file("\(certificate).pem"),
            keyFile: workshop.file("\(certificate).key")
        )
        server.clientCertificates = clients
        if clients != .off { server.clientCAFile = workshop.file("ca.pem") }
        let context = try TLSContext(server: server, now: Workshop.validAt[certificate])
        return try await FakeMaster.start(tls: context) { request in
            [request.ok(#"{"server":"fake/0","uptimeSeconds":1,"nodes":{},"tasks":{}}"#)]
        }
    }

    private func examine(_ port: Int, _ parameters: String, host: String = "localhost") async throws -> [DoctorFinding]
    {
        let address = try MasterAddress(parsing: "podlings://\(host):\(port)?hostaddr=127.0.0.1&\(parameters)")
        var findings: [DoctorFinding] = []
        let isWell = await TLSDoctor(address).examine { findings.append($0) }
        #expect(isWell == findings.allSatisfy { $0.verdict != .broken })
        #expect(findings.dropLast().allSatisfy { $0.verdict != .broken && $0.cure == nil }, "the first is the last")
        return findings
    }

    /// Expects the walk to end at `step`, with these words.
    private func expectBroken(
        _ step: DoctorFinding.Step,
        _ words: [String],
        cure: String?,
        in findings: [DoctorFinding]
    ) {
        let last = findings.last
        #expect(last?.step == step)
        #expect(last?.verdict == .broken)
        for word in words { #expect(last?.text.contains(word) == true, "\(last?.text ?? "")") }
        if let cure { #expect(last?.cure?.contains(cure) == true, "\(last?.cure ?? "no cure")") }
    }

    /// What the walk ends with where the master asks for a token and answers hello with this.
    private func refused(_ code: String, _ message: String, token: String? = nil) async throws -> DoctorFinding? {
        let server = TLSServerConfiguration(
            certificateFile: workshop.file("good.pem"),
            keyFile: workshop.file("good.key")
        )
        let greeting = FakeMaster.greeting.replacing(#""auth":"none""#, with: #""auth":"token""#)
        let context = try TLSContext(server: server, now: Workshop.validAt["good"])
        let master = try await FakeMaster.start(greeting: greeting, tls: context) { request in
            [
                .send(#"{"re":\#(request.id),"err":{"code":"\#(code)","msg":"\#(message)","fatal":true}}"#), .close,
            ]
        } _: { request in
            [request.ok(#"{"server":"fake/0","uptimeSeconds":1,"nodes":{},"tasks":{}}"#)]
        }
        let port = master.address.port
        let address = try MasterAddress(parsing: "podlings://localhost:\(port)?hostaddr=127.0.0.1&\(trusted)")
        var options = PodlingClient.Options()
        if let token { options.token = try AccessToken(token, setting: "PODLING_TOKEN") }
        var last: DoctorFinding?
        let isWell = await TLSDoctor(address, options: options).examine { last = $0 }
        #expect(isWell == (last?.verdict == .good))
        await master.stop()
        return last
    }

    @Test func aTokenThatIsAskedForAndNotGivenIsBroken() async throws {
        let last = try await refused("unauthenticated", "token: is required by this master")
        expectBroken(
            .master,
            ["it asks for a token, and none is given"],
            cure: "--token-file",
            in: [try #require(last)]
        )
    }

    @Test func aWorkersIdentityIsGoodForAWorker() async throws {
        let last = try await refused("forbidden", "role: client is not for worker n1")
        #expect(last?.step == .master)
        #expect(last?.verdict == .good)
        #expect(last?.text == "it lets this in as a worker, and not as a client: worker n1")
    }

    @Test func aCertificateOfTwoNodesIsToBeReissued() async throws {
        let last = try await refused("forbidden", "the certificate has 2 URIs podling://, and may have one")
        expectBroken(.master, ["has 2 URIs"], cure: "issued anew", in: [try #require(last)])
    }

    @Test func aTokenThatIsNotAcceptedIsToBeMadeAnew() async throws {
        let token = "TOKEN"
        let last = try await refused("unauthenticated", "token: is not accepted", token: token)
        expectBroken(.master, ["is not accepted"], cure: "podling-master token create", in: [try #require(last)])
    }

    @Test func allIsWell() async throws {
        let master = try await master(clients: .require)
        let own = "&sslcert=\(workshop.file("worker.pem"))&sslkey=\(workshop.file("worker.key"))"
        let findings = try await examine(master.address.port, trusted + own + "&sslcrl=\(workshop.file("ca.crl"))")
        #expect(findings.map(\.step) == DoctorFinding.Step.allCases)
        #expect(findings.map(\.verdict) == [.skipped] + Array(repeating: .good, count: 10))
        let texts = findings.map(\.text)
        #expect(texts[0] == "'localhost' is not looked up: hostaddr is given")
        #expect(texts[1] == "127.0.0.1")
        #expect(texts[2] == "127.0.0.1:\(master.address.port) is connected to")
        #expect(texts[3] == "TLSv1.3")
        #expect(texts[4] == "'CN=good', issued by 'CN=Root,O=Podling Tests'")
        #expect(texts[5] == "it is for 'localhost', being for DNS:localhost, IP:127.0.0.1, IP:::1")
        #expect(texts[6].hasPrefix("from 20"))
        #expect(texts[7] == "sslkey is that of 'CN=worker', URI:podling://node/w1")
        #expect(texts[8] == "it is not revoked")
        #expect(texts[9] == "podling/1")
        #expect(texts[10] == "fake/0 leads")
        await master.stop()
    }

    @Test func whatIsNotCheckedIsSaid() async throws {
        let master = try await master("elsewhere")
        let findings = try await examine(master.address.port, "sslmode=require")
        for step in [Step.chain, .subjectNames, .dates, .keyMatch, .revocation] {
            #expect(findings.first { $0.step == step }?.verdict == .skipped)
        }
        #expect(findings.first { $0.step == .subjectNames }?.text.contains("DNS:db.example") == true)
        await master.stop()
    }

    @Test func names() async {
        let group = MultiThreadedEventLoopGroup.singleton
        var way = DoctorWay(host: "db1", port: 1, hostAddress: nil, group: group) { _, _ in
            throw HostLookup.Failure(text: "Name or service not known")
        }
        var reached = await way.findings()
        expectBroken(.name, ["'db1' is not known: Name or service not known"], cure: "/etc/hosts", in: reached.findings)
        #expect(reached.address == nil)
        way.lookup = { _, _ in [] }
        reached = await way.findings()
        expectBroken(.address, ["'db1' has no address"], cure: "hostaddr", in: reached.findings)
        let found = try? await HostLookup.addresses(of: "localhost", on: group.next())
        #expect(found?.contains { $0 == "127.0.0.1" || $0 == "::1" } == true)
    }

    @Test func ports() async throws {
        let port = Int(try TestSupport.LineConnection.freePort())
        let findings = try await examine(port, trusted)
        expectBroken(.tcp, ["127.0.0.1:\(port): connection refused"], cure: "Nothing listens there", in: findings)
    }

    @Test func anAddressThatAnswersBesideOneThatDoesNot() async throws {
        let master = try await master()
        let port = master.address.port
        let way = DoctorWay(host: "db1", port: port, hostAddress: nil, group: MultiThreadedEventLoopGroup.singleton) {
            _,
            _ in ["127.0.0.9", "127.0.0.1"]
        }
        let reached = await way.findings()
        #expect(reached.address == "127.0.0.1")
        #expect(reached.findings.last?.text.contains("but not 127.0.0.9:\(port): connection refused") == true)
        await master.stop()
    }

    @Test func plaintext() async throws {
        let master = try await FakeMaster.start { _ in [] }
        let findings = try await examine(master.address.port, trusted)
        expectBroken(.tls, ["speaks Podling's protocol without TLS"], cure: "--tls-cert", in: findings)
        var said: [DoctorFinding] = []
        _ = await TLSDoctor(master.address).examine { said.append($0) }
        expectBroken(.tls, ["is dialled in plaintext"], cure: "podlings://127.0.0.1", in: said)
        await master.stop()
    }

    struct Row: Sendable {
        var certificate: String
        var step: DoctorFinding.Step
        var words: [String]
        var cure: String
        var parameters = ""
    }

    static let rows = [
        Row(certificate: "foreign", step: .chain, words: ["CN=Other Root"], cure: "Add the certificate of the CA"),
        Row(certificate: "self", step: .chain, words: ["is self-signed"], cure: "Add it to the file of sslrootcert"),
        Row(
            certificate: "client-only",
            step: .chain,
            words: ["is not made for a server"],
            cure: "extendedKeyUsage=serverAuth"
        ),
        Row(
            certificate: "elsewhere",
            step: .subjectNames,
            words: ["is not for 'localhost' but for DNS:db.example"],
            cure: "subjectAltName=DNS:localhost"
        ),
        Row(
            certificate: "nameless",
            step: .subjectNames,
            words: ["no name at all"],
            cure: "subjectAltName=DNS:localhost"
        ),
        Row(certificate: "expired", step: .dates, words: ["has expired on 2021-01-01"], cure: "Have it renewed."),
        Row(certificate: "early", step: .dates, words: ["is not valid before 2099"], cure: "clock"),
        Row(
            certificate: "revoked",
            step: .revocation,
            words: ["(CN=revoked) was revoked by its CA"],
            cure: "Have a new one issued.",
            parameters: "&sslcrl=ca.crl"
        ),
        Row(
            certificate: "good",
            step: .revocation,
            words: ["sslcrl has no list of its CA"],
            cure: "Add the CRL of each CA",
            parameters: "&sslcrl=other.crl"
        ),
        Row(
            certificate: "good",
            step: .revocation,
            words: ["cannot be read: No such file or directory"],
            cure: "Give the path",
            parameters: "&sslcrl=absent.crl"
        ),
        Row(
            certificate: "good",
            step: .keyMatch,
            words: ["is not that of the certificate in"],
            cure: "Give the key that the certificate was requested with.",
            parameters: "&sslcert=worker.pem&sslkey=good.key"
        ),
        Row(
            certificate: "good",
            step: .keyMatch,
            words: ["sslcert is given without sslkey"],
            cure: "Give both",
            parameters: "&sslcert=worker.pem"
        ),
    ]

    @Test(arguments: rows) func certificates(row: Row) async throws {
        let master = try await master(row.certificate)
        let parameters = row.parameters.split(separator: "&").map { pair in
            pair.replacing("=", with: "=\(workshop.folder)/")
        }
        let findings = try await examine(
            master.address.port,
            ([trusted] + parameters.map(String.init)).joined(separator: "&")
        )
        expectBroken(row.step, row.words, cure: row.cure, in: findings)
        // What comes before it was looked at, and is good.
        let steps = DoctorFinding.Step.allCases.prefix { $0 != row.step }
        if row.step != .keyMatch, !row.words[0].contains("cannot be read") {
            #expect(findings.dropLast().map(\.step) == Array(steps))
        }
        #expect(master.requests.isEmpty, "nothing was said to it")
        await master.stop()
    }

    @Test func rootsThatAreNotThere() async throws {
        let master = try await master()
        let findings = try await examine(master.address.port, "sslrootcert=absent.pem")
        expectBroken(.chain, ["sslrootcert: absent.pem cannot be read"], cure: "Give the path", in: findings)
        await master.stop()
    }

    @Test func otherProtocols() async throws {
        let (process, port) = try await onThread { [workshop] in
            let port = try TestSupport.LineConnection.freePort()
            let process = try ProgramProcess(
                Workshop.program,
                [
                    "s_server", "-accept", "127.0.0.1:\(port)", "-cert", workshop.file("good.pem"), "-key",
                    workshop.file("good.key"), "-alpn", "http/1.1", "-quiet",
                ]
            )
            let listens = Deadline.after(seconds: 20).poll { () -> Bool? in
                (try? TestSupport.LineConnection(host: "127.0.0.1", port: port)) == nil ? nil : true
            }
            guard listens == true else { throw TestSupportError("it does not listen: \(process.output)") }
            return (process, Int(port))
        }
        defer { process.signal(SIGTERM) }
        let findings = try await examine(port, trusted)
        expectBroken(
            .applicationProtocol,
            ["over TLS"],
            cure: "Give the address and port of a Podling master.",
            in: findings
        )
    }

    @Test func aMasterThatWantsACertificate() async throws {
        let master = try await master(clients: .require)
        let findings = try await examine(master.address.port, trusted)
        expectBroken(.master, ["the alert certificate_required", "Give sslcert and sslkey."], cure: nil, in: findings)
        await master.stop()
    }
}
