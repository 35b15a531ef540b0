import Glibc
import TestSupport
import Testing

@testable import PodlingTLS

/// Invalid files and settings are reported when a context is made.
@Suite struct ConfigurationTests {
    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    private func said(_ body: () throws(TLSError) -> Void) -> String {
        do throws(TLSError) {
            try body()
            return "nothing"
        } catch {
            #expect(error.kind == .configuration)
            return error.description
        }
    }

    private func serverSays(_ change: (inout TLSServerConfiguration) -> Void) -> String {
        var server = workshop.server("good")
        change(&server)
        return said { () throws(TLSError) in _ = try TLSContext(server: server) }
    }

    private func clientSays(
        _ mode: TLSMode = .verifyFull,
        _ change: (inout TLSClientConfiguration) -> Void
    ) -> String {
        var client = workshop.client(mode)
        change(&client)
        return said { () throws(TLSError) in _ = try TLSContext(client: client) }
    }

    @Test func missingFiles() {
        let path = workshop.file("absent")
        let says = "\(path) cannot be read: No such file or directory. Give the path of a file that is there."
        #expect(serverSays { $0.certificateFile = path } == "--tls-cert: \(says)")
        #expect(serverSays { $0.keyFile = path } == "--tls-key: \(says)")
        #expect(
            serverSays {
                $0.clientCAFile = path
                $0.clientCertificates = .require
            } == "--tls-client-ca: \(says)"
        )
        #expect(clientSays { $0.roots = .file(path) } == "sslrootcert: \(says)")
        #expect(clientSays { $0.revocationFile = path } == "sslcrl: \(says)")
        #expect(
            clientSays {
                $0.certificateFile = path
                $0.keyFile = path
            } == "sslcert: \(says)"
        )
        #expect(serverSays { $0.certificateFile = workshop.folder }.contains("is not a regular file"))
    }

    @Test func openKeys() throws {
        let key = try workshop.write("open.key", try workshop.read("good.key"), mode: 0o644)
        let says = serverSays { $0.keyFile = key }
        #expect(
            says
                == "--tls-key: \(key) may be read or changed by others than its owner (mode 0644). chmod 0600 it; "
                + "one that root owns may have 0640."
        )
        chmod(key, 0o600)
        #expect(serverSays { $0.keyFile = key } == "nothing")
    }

    /// Modes, as libpq and the server of PostgreSQL judge them.
    @Test(arguments: [
        (mode: 0o100600, owner: 1_000, isServer: false, isGood: true), (0o100400, 1_000, false, true),
        (0o100640, 1_000, false, false), (0o100604, 1_000, false, false), (0o100610, 1_000, true, false),
        (0o100600, 1_000, true, true), (0o100600, 1_001, false, true), (0o100600, 1_001, true, false),
        (0o100640, 0, false, true), (0o100640, 0, true, true), (0o100660, 0, false, false),
        (0o100644, 0, true, false), (0o100650, 0, true, false), (0o100602, 0, true, false),
    ])
    func permissions(mode: Int, owner: Int, isServer: Bool, isGood: Bool) {
        let offence = KeyFilePermissions.offence(
            mode: mode_t(mode),
            owner: uid_t(owner),
            user: 1_000,
            isServer: isServer
        )
        #expect((offence == nil) == isGood)
    }

    @Test func wrongKey() {
        let says = serverSays { $0.keyFile = workshop.file("foreign.key") }
        #expect(
            says.hasPrefix(
                "--tls-key: the key in \(workshop.file("foreign.key")) is not that of the certificate in "
                    + "\(workshop.file("good.pem")). Give the key that"
            )
        )
    }

    @Test func encryptedKey() throws {
        let path = workshop.file("locked.key")
        try workshop.openssl(
            "pkey",
            "-in",
            workshop.file("good.key"),
            "-aes256",
            "-passout",
            "pass:secret",
            "-out",
            path
        )
        chmod(path, 0o600)
        let says = serverSays { $0.keyFile = path }
        #expect(says.hasPrefix("--tls-key: \(path) is encrypted, and no passphrase is asked for. Store it without:"))
    }

    @Test func malformedFiles() throws {
        let empty = try workshop.write("empty.pem", "")
        #expect(clientSays { $0.roots = .file(empty) }.hasPrefix("sslrootcert: \(empty) holds no certificate. "))
        #expect(
            serverSays { $0.keyFile = empty }.hasPrefix("--tls-key: \(empty) holds no private key that can be read")
        )
        #expect(clientSays { $0.revocationFile = empty }.hasPrefix("sslcrl: \(empty) holds no X509 CRL. "))
        let good = try workshop.read("good.pem")
        let cut = try workshop.write("cut.pem", good + String(good.prefix(good.utf8.count / 2)))
        let says = serverSays { $0.certificateFile = cut }
        #expect(says.hasPrefix("--tls-cert: \(cut): certificate number 2 is malformed ("), "\(says)")
        let swapped = try workshop.write("swapped.pem", try workshop.read("good.key"))
        #expect(serverSays { $0.certificateFile = swapped }.contains("\(swapped) holds no certificate. "))
    }

    @Test func ownDates() {
        let expired = serverSays { $0 = workshop.server("expired") }
        #expect(
            expired.contains("--tls-cert: \(workshop.file("expired.pem")): the certificate CN=expired has expired on")
        )
        #expect(expired.contains("2021-01-01 00:00:00 UTC. Have it renewed"))
        let early = clientSays {
            $0.certificateFile = workshop.file("early.pem")
            $0.keyFile = workshop.file("early.key")
        }
        #expect(early.contains("the certificate CN=early is not valid before 2099-01-01 00:00:00 UTC. "))
    }

    @Test func contradictions() {
        #expect(clientSays(.disable) { _ in }.hasPrefix("sslmode: disable means that there is no TLS"))
        #expect(clientSays(.verifyCA) { $0.roots = nil }.hasPrefix("sslmode: verify-ca needs sslrootcert. "))
        #expect(clientSays(.verifyCA) { $0.roots = .system }.hasPrefix("sslrootcert: 'system' with verify-ca would"))
        #expect(
            clientSays(.require) { $0.roots = .file("x") }.hasPrefix(
                "sslrootcert is given, but sslmode=require checks no certificate. Use sslmode=verify-full, or"
            )
        )
        #expect(clientSays(.require) { $0.revocationFile = "x" }.hasPrefix("sslcrl is given, but sslmode=require"))
        #expect(clientSays { $0.certificateFile = "x" }.hasPrefix("sslcert is given without sslkey. "))
        #expect(clientSays { $0.keyFile = "x" }.hasPrefix("sslkey is given without sslcert. "))
        #expect(serverSays { $0.clientCertificates = .optional }.hasPrefix("--tls-client-cert: optional needs"))
        #expect(serverSays { $0.clientCAFile = workshop.file("ca.pem") }.contains("--tls-client-cert is off"))
        #expect(serverSays { $0.revocationFile = "x" }.hasPrefix("--tls-crl is given without --tls-client-ca"))
    }

    @Test func modes() throws {
        for mode in TLSMode.allCases { #expect(try TLSMode(named: mode.rawValue) == mode) }
        for name in ["allow", "prefer"] {
            let says = said { () throws(TLSError) in _ = try TLSMode(named: name) }
            #expect(says.hasPrefix("sslmode: '\(name)' would fall back to plaintext"))
        }
        #expect(
            said { () throws(TLSError) in _ = try TLSMode(named: "full") }.hasPrefix("sslmode: 'full' is no mode. ")
        )
        #expect(try TLSVersion(named: "TLSv1.3", setting: "x") == .tls13)
        let says = said { () throws(TLSError) in _ = try TLSVersion(named: "TLSv1.1", setting: "--tls-min-version") }
        #expect(says == "--tls-min-version: 'TLSv1.1' is no version. Use TLSv1.2 or TLSv1.3.")
    }

    @Test func peerNames() throws {
        #expect(try PeerName("Db.Example.").description == "Db.Example")
        #expect(try PeerName("[FE80::1%eth0]").description == "fe80::1")
        #expect(try PeerName("127.0.0.1").kind == .address)
        for bad in ["", ".", ".a", "a b", "a\0b", "*.a", String(repeating: "a", count: 254), "münchen"] {
            #expect(said { () throws(TLSError) in _ = try PeerName(bad) }.hasPrefix("host: "))
        }
    }

    @Test func ownCertificateIsTold() throws {
        let facts = try #require(try TLSContext(server: workshop.server("good")).certificate)
        #expect(facts.subject == "CN=good")
        #expect(facts.names == [.dns("localhost"), .ip("127.0.0.1"), .ip("::1")])
        #expect(try #require(facts.notAfter) > time(nil))
    }

    @Test func systemRootsAreRead() throws {
        var client = TLSClientConfiguration()
        client.roots = .system
        // A machine without CA certificates reports that, with the remedy.
        do throws(TLSError) {
            _ = try TLSContext(client: client)
        } catch {
            #expect(error.description.contains("ca-certificates"))
        }
    }
}
