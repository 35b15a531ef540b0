import PodlingTLS
import Testing

@testable import PodlingClient

/// The combination of URL, flags and environment.
struct ConnectionSettingsTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var url: String
        var flags: [ConnectionSettings.Name: String] = [:]
        var environment: [String: String] = [:]
        /// Nil is plaintext.
        var mode: TLSMode?
        var roots: TLSRoots?

        var testDescription: String { "\(url) flags \(flags.count) environment \(environment.count)" }

        func address() throws -> MasterAddress {
            var given = ConnectionSettings()
            for (name, text) in flags { given.set(name, flag: text) }
            return try MasterAddress(
                parsing: url,
                flags: given,
                environment: ConnectionSettings { environment[$0] }
            )
        }
    }

    static let rows = [
        Row(url: "host"),
        Row(url: "podling://host"),
        Row(url: "podlings://host", mode: .verifyFull),
        Row(url: "PODLINGS://host/?sslmode=require", mode: .require),
        Row(url: "podlings://host?sslmode=verify-ca&sslrootcert=a%2Fb.pem", mode: .verifyCA, roots: .file("a/b.pem")),
        Row(url: "podlings://host?sslrootcert=system", mode: .verifyFull, roots: .system),
        Row(url: "host?sslmode=verify-full", mode: .verifyFull),
        Row(url: "host", flags: [.mode: "require"], mode: .require),
        Row(url: "host", environment: ["PODLING_SSLMODE": "verify-full"], mode: .verifyFull),
        Row(url: "host", environment: ["PODLING_SSLMODE": ""]),
        // The environment is for all masters: a setting that plaintext does not use is no error there.
        Row(url: "host", environment: ["PODLING_SSLROOTCERT": "ca.pem"]),
        Row(url: "podling://host?sslmode=disable", environment: ["PODLING_SSLMODE": "verify-full"]),
        // Precedence: flag, then URL, then environment.
        Row(
            url: "podlings://host?sslrootcert=url.pem",
            flags: [.roots: "flag.pem"],
            environment: ["PODLING_SSLROOTCERT": "environment.pem"],
            mode: .verifyFull,
            roots: .file("flag.pem")
        ),
        Row(
            url: "podlings://host?sslrootcert=url.pem",
            environment: ["PODLING_SSLROOTCERT": "environment.pem", "PODLING_SSLMODE": "verify-ca"],
            mode: .verifyCA,
            roots: .file("url.pem")
        ),
        Row(
            url: "podlings://host",
            environment: ["PODLING_SSLROOTCERT": "environment.pem"],
            mode: .verifyFull,
            roots: .file("environment.pem")
        ),
        Row(
            url: "podlings://host?sslmode=require",
            flags: [.mode: "verify-full"],
            environment: ["PODLING_SSLMODE": "verify-ca"],
            mode: .verifyFull
        ),
    ]

    @Test(arguments: rows) func table(row: Row) throws {
        let address = try row.address()
        #expect(address.host == "host")
        #expect(address.tls?.mode == row.mode)
        #expect(address.tls?.roots == row.roots)
    }

    @Test func everySettingHasAFlagAParameterAndAVariable() throws {
        let values: [ConnectionSettings.Name: String] = [
            .mode: "verify-full", .roots: "r", .certificate: "c", .key: "k", .revocationLists: "l",
            .minimumVersion: "TLSv1.3", .serverName: "0", .hostAddress: "::1",
        ]
        #expect(values.count == ConnectionSettings.Name.allCases.count)
        var flags = ConnectionSettings()
        for (name, text) in values { flags.set(name, flag: text) }
        let query = values.map { "\($0.key.rawValue)=\($0.value)" }.joined(separator: "&")
        let addresses = [
            try MasterAddress(parsing: "podlings://h", flags: flags),
            try MasterAddress(parsing: "podlings://h?\(query)"),
            try MasterAddress(
                parsing: "podlings://h",
                environment: ConnectionSettings { variable in values.first { $0.key.variable == variable }?.value }
            ),
        ]
        var wanted = TLSClientConfiguration()
        wanted.roots = .file("r")
        wanted.certificateFile = "c"
        wanted.keyFile = "k"
        wanted.revocationFile = "l"
        wanted.minimumVersion = .tls13
        wanted.sendsServerName = false
        for address in addresses { #expect(address == MasterAddress(host: "h", hostAddress: "::1", tls: wanted)) }
        #expect(ConnectionSettings.Name.minimumVersion.flag == "--ssl-min-protocol-version")
        #expect(ConnectionSettings.Name.minimumVersion.variable == "PODLING_SSL_MIN_PROTOCOL_VERSION")
        #expect(ConnectionSettings.Name.hostAddress.variable == "PODLING_HOSTADDR")
    }

    static let refusals: [(Row, String)] = [
        (
            Row(url: "podlings://host?sslmode=prefer"),
            "sslmode: 'prefer' would fall back to plaintext without a word, so it is not offered. "
                + "Use verify-full, or disable where plaintext is meant."
        ),
        (Row(url: "host", flags: [.mode: "allow"]), "--sslmode: 'allow' would fall back to plaintext"),
        (Row(url: "host", environment: ["PODLING_SSLMODE": "on"]), "PODLING_SSLMODE: 'on' is no mode."),
        (
            Row(url: "podlings://host", flags: [.mode: "disable"]),
            "podlings:// means TLS, but --sslmode is disable: use podling://, or leave it out"
        ),
        (
            Row(url: "podlings://host", environment: ["PODLING_SSLMODE": "disable"]),
            "podlings:// means TLS, but PODLING_SSLMODE is disable"
        ),
        (
            Row(url: "podling://host?sslmode=verify-full"),
            "podling:// means plaintext, but sslmode is verify-full: use podlings://"
        ),
        // A URL without a mode must not silently undo a setting for all connections.
        (
            Row(url: "podling://host", environment: ["PODLING_SSLMODE": "verify-full"]),
            "podling:// means plaintext, but PODLING_SSLMODE is verify-full"
        ),
        (
            Row(url: "host", flags: [.roots: "ca.pem"]),
            "--sslrootcert is for TLS, and this is plaintext: use podlings://, or leave it out"
        ),
        (Row(url: "podling://host?sslcert=c.pem"), "sslcert is for TLS, and this is plaintext"),
        (Row(url: "podlings://host", flags: [.serverName: "yes"]), "--sslsni must be 0 or 1, not 'yes'"),
        (
            Row(url: "podlings://host?ssl_min_protocol_version=TLSv1.1"),
            "ssl_min_protocol_version: 'TLSv1.1' is no version. Use TLSv1.2 or TLSv1.3."
        ),
        (Row(url: "podlings://host", flags: [.certificate: ""]), "--sslcert has no value"),
        (Row(url: "host", flags: [.hostAddress: "name"]), "--hostaddr must be an IP address, not 'name'"),
        (Row(url: "podlings://host?sslmode"), "sslmode has no value"),
        (Row(url: "podlings://host?sslcert=%zz"), "sslcert has no value, or %XX in it that is no text"),
        (Row(url: "podlings://host?sslcert=%00"), "sslcert has no value, or %XX in it that is no text"),
        (Row(url: "podlings://host?sslmode=require&sslmode=verify-full"), "sslmode is given twice"),
        (
            Row(url: "podlings://host?sslrootcrt=x"),
            "there is no parameter 'sslrootcrt'; there are sslmode, sslrootcert, sslcert, sslkey, sslcrl, "
                + "ssl_min_protocol_version, sslsni, hostaddr"
        ),
        (Row(url: "podlings://host?token=abc"), "a token has no place in it: give --token-file or PODLING_TOKEN"),
    ]

    @Test(arguments: refusals) func refusesAndSaysWhy(row: Row, fault: String) {
        let error = #expect(throws: MasterAddressError.self) { try row.address() }
        #expect(error?.fault.hasPrefix(fault) == true, "\(error?.fault ?? "")")
        #expect(error?.description.contains("abc") == false, "what may be secret is not shown")
    }

    @Test func secretsOfAURLAreNotShown() {
        let error = #expect(throws: MasterAddressError.self) {
            try MasterAddress.list(parsing: "a,podlings://me:hush@host?token=hush")
        }
        #expect(error?.description.contains("hush") == false)
        #expect(error?.text == "podlings://...@host")
    }

    @Test func eachAddressOfAListHasItsOwn() throws {
        let list = try MasterAddress.list(parsing: "podlings://a?sslmode=require,b:1,podlings://c?hostaddr=127.0.0.2")
        #expect(list.map(\.tls?.mode) == [.require, nil, .verifyFull])
        #expect(list.map(\.hostAddress) == [nil, nil, "127.0.0.2"])
        #expect(list.map(\.description) == ["podlings://a:7070", "b:1", "podlings://c:7070"])
        var flags = ConnectionSettings()
        flags.set(.hostAddress, flag: "127.0.0.1")
        let error = #expect(throws: MasterAddressError.self) { try MasterAddress.list(parsing: "a,b", flags: flags) }
        #expect(error?.fault == "--hostaddr is for one address: give each its own as ?hostaddr=ADDRESS")
    }

    @Test func aLeaderIsDialledAsItsStandbyWas() throws {
        let list = try MasterAddress.list(
            parsing: "podlings://a?sslrootcert=x&hostaddr=127.0.0.2,podlings://b:1?hostaddr=::1"
        )
        let leader = try list[0].leader("podling://c:9?sslmode=disable", among: list)
        #expect(leader == MasterAddress(host: "c", port: 9, tls: list[0].tls))
        #expect(try list[0].leader("b:1", among: list) == list[1])
        #expect(try MasterAddress(host: "a").leader("podlings://c", among: []) == MasterAddress(host: "c"))
    }
}
