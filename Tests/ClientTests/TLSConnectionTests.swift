import Glibc
import PodlingTLS
import TestSupport
import Testing

@testable import PodlingClient

/// A client and a master's line over TLS, in this process.
@Suite(.timeLimit(.minutes(5)))
struct TLSConnectionTests {
    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    private func master(
        _ certificate: String = "good",
        greeting: String = FakeMaster.greeting,
        clients: TLSClientCertificates = .off
    ) async throws -> FakeMaster {
        var server = TLSServerConfiguration(
            certificateFile: workshop.file("\(certificate).pem"),
            keyFile: workshop.file("\(certificate).key")
        )
        server.clientCertificates = clients
        if clients != .off { server.clientCAFile = workshop.file("ca.pem") }
        let context = try TLSContext(server: server, now: Workshop.validAt[certificate])
        return try await FakeMaster.start(greeting: greeting, tls: context) { request in [request.ok(#"{"n":1}"#)] }
    }

    /// The address of a master that is to be found at `host`.
    private func address(_ master: FakeMaster, _ parameters: String, host: String = "localhost") throws -> MasterAddress
    {
        let place = "hostaddr=127.0.0.1&\(parameters)"
        return try MasterAddress(parsing: "podlings://\(host):\(master.address.port)?\(place)")
    }

    private var trusted: String { "sslrootcert=\(workshop.file("ca.pem"))" }

    /// The human-readable error, which must appear at once.
    private func failure(_ address: MasterAddress, token: AccessToken? = nil) async throws -> String {
        var options = PodlingClient.Options()
        options.token = token
        let link = MasterLink(addresses: [address], options: options) { error in Issue.record("tried again: \(error)") }
        let error = await #expect(throws: ClientError.self) { try await link.perform { try await $0.request("ping") } }
        guard case .refused(let reasons)? = error else {
            Issue.record("it failed by \(String(describing: error))")
            return ""
        }
        #expect(reasons.count == 1)
        #expect(reasons.first?.hasPrefix("\(address): ") == true)
        return reasons.first ?? ""
    }

    @Test(arguments: ["localhost", "127.0.0.1", "[::1]"])
    func requestsGoOverTLS(host: String) async throws {
        let master = try await master()
        let client = try await PodlingClient.connect(to: [try address(master, trusted, host: host)])
        #expect(try await client.request("ping").ok == Array(#"{"n":1}"#.utf8))
        client.close()
        await master.stop()
    }

    @Test func aClientShowsItsCertificate() async throws {
        let master = try await master(clients: .require)
        let own = "&sslcert=\(workshop.file("worker.pem"))&sslkey=\(workshop.file("worker.key"))"
        let client = try await PodlingClient.connect(to: [try address(master, trusted + own)])
        _ = try await client.request("ping")
        client.close()
        // In TLS 1.3 the server may speak first and reject afterwards: the reason is still the server's.
        let said = try await failure(try address(master, trusted))
        #expect(said.contains("the alert certificate_required: the peer lets in only those that show a certificate"))
        #expect(said.hasSuffix("Give sslcert and sslkey."))
        let foreign = "&sslcert=\(workshop.file("foreign-worker.pem"))&sslkey=\(workshop.file("foreign-worker.key"))"
        let refused = try await failure(try address(master, trusted + foreign))
        #expect(refused.contains("the alert unknown_ca: the peer does not trust the CA of this side's certificate"))
        await master.stop()
    }

    @Test(arguments: [
        ("elsewhere", "localhost", ["(CN=localhost) is not for 'localhost' but for DNS:db.example, IP:192.0.2.7"]),
        ("good", "db.example", ["is not for 'db.example' but for DNS:localhost, IP:127.0.0.1, IP:::1"]),
        ("nameless", "localhost", ["no name at all (it has no subjectAltName); a common name does not count"]),
        ("foreign", "localhost", ["comes from a CA (CN=Other Root,O=Somebody Else) whose key is not in sslrootcert"]),
        ("self", "localhost", ["(CN=self) is self-signed and not in sslrootcert"]),
        ("expired", "localhost", ["has expired on 2021-01-01 00:00:00 UTC", "Have it renewed."]),
        ("early", "localhost", ["is not valid before 2099-01-01 00:00:00 UTC", "set this machine's clock"]),
    ])
    func aWrongCertificateIsNamed(certificate: String, host: String, words: [String]) async throws {
        let master = try await master(certificate)
        let said = try await failure(try address(master, trusted, host: host))
        for word in words { #expect(said.contains(word), "\(said)") }
        #expect(master.requests.isEmpty, "nothing was said to it")
        await master.stop()
    }

    @Test func aRevokedCertificateIsNamed() async throws {
        let master = try await master("revoked")
        let said = try await failure(try address(master, trusted + "&sslcrl=\(workshop.file("ca.crl"))"))
        #expect(said.contains("(CN=revoked) was revoked by its CA"))
        await master.stop()
    }

    @Test func plaintextOnATLSAddressIsNamed() async throws {
        let master = try await FakeMaster.start { _ in [] }
        let said = try await failure(try address(master, trusted))
        #expect(
            said.contains(
                "speaks Podling's protocol without TLS. Give the master --tls-cert and --tls-key, or use podling://"
            )
        )
        await master.stop()
    }

    @Test func tlsOnAPlaintextAddressIsNamed() async throws {
        let master = try await master()
        let error = await #expect(throws: PodlingError.self) {
            try await PodlingClient.connect(to: [master.address])
        }
        #expect(error?.code == "tls_required")
        await master.stop()
    }

    @Test func filesThatCannotBeUsedAreNamed() async throws {
        let master = try await master()
        let absent = try await failure(try address(master, "sslrootcert=absent.pem"))
        #expect(absent.contains("sslrootcert: absent.pem cannot be read: No such file or directory"))
        let key = try workshop.write("open.key", try workshop.read("worker.key"), mode: 0o644)
        let own = "&sslcert=\(workshop.file("worker.pem"))&sslkey=\(key)"
        let open = try await failure(try address(master, trusted + own))
        #expect(
            open.contains("sslkey: \(key) may be read or changed by others than its owner (mode 0644). chmod 0600 it")
        )
        let other = "&sslcert=\(workshop.file("worker.pem"))&sslkey=\(workshop.file("good.key"))"
        let mixed = try await failure(try address(master, trusted + other))
        #expect(mixed.contains("is not that of the certificate in"))
        await master.stop()
    }

    @Test func aTokenGoesOverTLS() async throws {
        let master = try await master()
        var options = PodlingClient.Options()
        options.token = try AccessToken("podling_hush", setting: "")
        let client = try await PodlingClient.connect(to: [try address(master, trusted)], options: options)
        #expect(master.requests.first?.text("token") == "podling_hush")
        client.close()
        await master.stop()
    }

    @Test func aRedirectKeepsTLS() async throws {
        let leader = try await master()
        let plaintext = try await FakeMaster.start { request in [request.ok("{}")] }
        for (named, isLeader) in [(leader, true), (plaintext, false)] {
            let greeting =
                #"{"ev":"hello","proto":[1,1],"auth":"none","line_max":1048576,"server":"fake/0","standby":true,"#
                + "\"leader\":\"127.0.0.1:\(named.address.port)\"}"
            let standby = try await master(greeting: greeting)
            let first = try address(standby, trusted)
            if isLeader {
                let client = try await PodlingClient.connect(to: [first])
                #expect(client.address.tls == first.tls)
                #expect(client.address.host == "127.0.0.1", "the name that is verified is the one advertised")
                client.close()
            } else {
                let error = await #expect(throws: ClientError.self) { try await PodlingClient.connect(to: [first]) }
                #expect(error?.description.contains("speaks Podling's protocol without TLS") == true)
            }
            await standby.stop()
        }
        #expect(plaintext.requests.isEmpty)
        await leader.stop()
        await plaintext.stop()
    }
}
