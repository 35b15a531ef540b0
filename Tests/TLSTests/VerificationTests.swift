import TestSupport
import Testing

@testable import PodlingTLS

/// A client's verdict on a server's certificate, by sslmode.
@Suite struct VerificationTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var certificate: String
        var host = "localhost"
        var roots = "ca"
        /// A file NAME.crl.
        var list: String?
        /// Parts of verify-ca's message; none where it accepts.
        var verifyCA: [String] = []
        /// The message of verify-full; nil where it is that of verify-ca.
        var verifyFull: [String]?

        var testDescription: String { "\(certificate) as \(host), roots \(roots), list \(list ?? "none")" }
    }

    static let rows = [
        Row(certificate: "good"),
        Row(certificate: "good", host: "LOCALHOST."),
        Row(certificate: "good", host: "127.0.0.1"),
        Row(certificate: "good", host: "[::1]"),
        Row(certificate: "good", host: "0:0:0:0:0:0:0:1"),
        Row(
            certificate: "good",
            host: "127.0.0.2",
            verifyFull: ["the server's certificate (CN=good) is not for '127.0.0.2' but for", "IP:127.0.0.1, IP:::1"]
        ),
        Row(
            certificate: "elsewhere",
            verifyFull: [
                "the server's certificate (CN=localhost) is not for 'localhost' but for DNS:db.example, IP:192.0.2.7. ",
                "Connect by one of its names, or have one issued with subjectAltName=DNS:localhost.",
            ]
        ),
        Row(
            certificate: "elsewhere",
            host: "192.0.2.8",
            verifyFull: ["not for '192.0.2.8'", "subjectAltName=IP:192.0.2.8."]
        ),
        Row(
            certificate: "nameless",
            verifyFull: [
                "(CN=localhost) is not for 'localhost' but for no name at all (it has no subjectAltName)",
                "a common name does not count", "Have one issued with subjectAltName=DNS:localhost.",
            ]
        ),
        Row(certificate: "wildcard", host: "a.example.com"),
        Row(certificate: "wildcard", host: "a.b.example.com", verifyFull: ["not for 'a.b.example.com'"]),
        Row(certificate: "wildcard", host: "example.com", verifyFull: ["not for 'example.com'"]),
        Row(certificate: "wildcard", host: "www.partial.example", verifyFull: ["not for 'www.partial.example'"]),
        Row(certificate: "wildcard", host: "any.org", verifyFull: ["not for 'any.org' but for DNS:*.example.com"]),
        Row(
            certificate: "foreign",
            verifyCA: [
                "the server's certificate (CN=foreign) comes from a CA (CN=Other Root,O=Somebody Else) whose key is not "
                    + "in sslrootcert", "Add the certificate of the CA to the file of sslrootcert, if you trust it.",
            ]
        ),
        Row(
            certificate: "forged",
            verifyCA: ["(CN=forged) comes from a CA (CN=Root,O=Podling Tests) whose key is not in sslrootcert"]
        ),
        Row(
            certificate: "self",
            verifyCA: [
                "the server's certificate (CN=self) is self-signed and not in sslrootcert. "
                    + "Add it to the file of sslrootcert, if it is the right one."
            ]
        ),
        Row(certificate: "self", roots: "self"),
        Row(
            certificate: "expired",
            verifyCA: ["(CN=expired) has expired on 2021-01-01 00:00:00 UTC. Have it renewed."]
        ),
        Row(
            certificate: "early",
            verifyCA: ["(CN=early) is not valid before 2099-01-01 00:00:00 UTC. ", "set this machine's clock"]
        ),
        Row(certificate: "revoked"),
        Row(certificate: "revoked", list: "empty"),
        Row(
            certificate: "revoked",
            list: "ca",
            verifyCA: ["(CN=revoked) was revoked by its CA (CN=Root,O=Podling Tests). Have a new one issued."]
        ),
        Row(certificate: "good", list: "ca"),
        Row(
            certificate: "good",
            list: "other",
            verifyCA: ["sslcrl has no list of its CA (CN=Root,O=Podling Tests). Add the CRL of each CA"]
        ),
        Row(
            certificate: "client-only",
            verifyCA: ["(CN=client) is not made for a server", "extendedKeyUsage=serverAuth"]
        ),
    ]

    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    private func wire(_ row: Row, _ mode: TLSMode, _ version: TLSVersion) throws -> Wire {
        let server = try TLSContext(server: workshop.server(row.certificate), now: Workshop.validAt[row.certificate])
        if version == .tls12 { server.allowOnlyTLS12() }
        var client = workshop.client(mode, roots: row.roots)
        if mode != .require { client.revocationFile = row.list.map { workshop.file("\($0).crl") } }
        let wire = try Wire(try TLSContext(client: client), server, host: row.host)
        try wire.handshake()
        return wire
    }

    @Test(arguments: rows, TLSVersion.allCases)
    func table(row: Row, version: TLSVersion) throws {
        let required = try wire(row, .require, version)
        #expect(required.clientError == nil)
        #expect(required.client.state == .open)
        for (mode, pieces) in [(TLSMode.verifyCA, row.verifyCA), (.verifyFull, row.verifyFull ?? row.verifyCA)] {
            let wire = try wire(row, mode, version)
            guard !pieces.isEmpty else {
                #expect(wire.clientError == nil, "\(mode)")
                #expect(wire.client.state == .open, "\(mode)")
                #expect(wire.server.state == .open, "\(mode)")
                continue
            }
            #expect(wire.client.state == .failed, "\(mode)")
            #expect(wire.clientError?.kind == .verification, "\(mode)")
            let said = wire.clientError?.description ?? "nothing"
            for piece in pieces { #expect(said.contains(piece), "\(mode)") }
            // The server learns of it, by an alert.
            guard case .alert = wire.serverError?.kind else {
                Issue.record("\(mode): the server heard \(wire.serverError?.description ?? "nothing")")
                continue
            }
        }
    }
}
