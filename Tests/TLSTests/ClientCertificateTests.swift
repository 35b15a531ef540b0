import TestSupport
import Testing

@testable import PodlingTLS

/// A server's verdict on its clients' certificates, by `--tls-client-cert`.
@Suite struct ClientCertificateTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var rule: TLSClientCertificates
        /// Nil shows none.
        var certificate: String?
        var list: String?
        /// Parts of the server's message; none where it accepts.
        var serverSays: [String] = []
        /// The error that the client gets then.
        var clientSays: [String] = []

        var testDescription: String { "\(rule), \(certificate ?? "none"), list \(list ?? "none")" }
    }

    static let rows: [Row] = [
        Row(rule: .off),
        Row(rule: .off, certificate: "worker"),
        Row(rule: .optional),
        Row(rule: .optional, certificate: "worker"),
        Row(
            rule: .optional,
            certificate: "foreign-worker",
            serverSays: ["the client's certificate (CN=worker) comes from a CA", "--tls-client-ca"],
            clientSays: ["the server ended the connection with the alert unknown_ca: the peer does not trust the CA"]
        ),
        Row(
            rule: .require,
            serverSays: ["the client has shown no certificate", "Give the client sslcert and sslkey."],
            clientSays: ["the server ended the connection with the alert ", "ive sslcert and sslkey."]
        ),
        Row(rule: .require, certificate: "worker"),
        Row(rule: .require, certificate: "worker", list: "ca"),
        Row(
            rule: .require,
            certificate: "revoked",
            list: "ca",
            serverSays: ["the client's certificate (CN=revoked) was revoked"],
            clientSays: ["the alert certificate_revoked: this side's certificate was revoked. Have a new certificate"]
        ),
        Row(
            rule: .require,
            certificate: "expired",
            serverSays: ["the client's certificate (CN=expired) has expired on 2021-01-01"],
            clientSays: ["the alert certificate_expired: this side's certificate has expired, or is not yet valid"]
        ),
        Row(
            rule: .require,
            certificate: "worker",
            list: "old",
            serverSays: ["the list of its CA"],
            clientSays: [
                "the alert certificate_expired: this side's certificate is within its dates here", "--tls-crl",
            ]
        ),
        Row(
            rule: .require,
            certificate: "server-only",
            serverSays: ["(CN=server) is not made for a client", "extendedKeyUsage=clientAuth"],
            clientSays: ["the alert unsupported_certificate: this side's certificate is not made for this use"]
        ),
        Row(
            rule: .require,
            certificate: "self",
            serverSays: ["the client's certificate (CN=self) is self-signed and not in --tls-client-ca"],
            clientSays: ["the alert unknown_ca"]
        ),
    ]

    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    @Test(arguments: rows, TLSVersion.allCases)
    func table(row: Row, version: TLSVersion) throws {
        var server = workshop.server("good")
        server.clientCertificates = row.rule
        if row.rule != .off { server.clientCAFile = workshop.file("ca.pem") }
        server.revocationFile = row.list.map { workshop.file("\($0).crl") }
        var client = workshop.client()
        client.certificateFile = row.certificate.map { workshop.file("\($0).pem") }
        client.keyFile = row.certificate.map { workshop.file("\($0).key") }
        let serverContext = try TLSContext(server: server)
        if version == .tls12 { serverContext.allowOnlyTLS12() }
        let now = row.certificate.flatMap { Workshop.validAt[$0] }
        let wire = try Wire(try TLSContext(client: client, now: now), serverContext)
        try wire.handshake()
        guard !row.serverSays.isEmpty else {
            #expect(wire.clientError == nil)
            #expect(wire.serverError == nil)
            #expect(wire.server.state == .open)
            let isSeen = row.rule != .off && row.certificate != nil
            #expect(wire.server.peerCertificate?.names == (isSeen ? [.uri("podling://node/w1")] : nil))
            return
        }
        #expect(wire.server.state == .failed)
        #expect(wire.serverError?.kind == .verification)
        for piece in row.serverSays { #expect(wire.serverError?.description.contains(piece) == true) }
        guard case .alert = wire.clientError?.kind else {
            Issue.record("the client heard \(wire.clientError?.description ?? "nothing")")
            return
        }
        for piece in row.clientSays { #expect(wire.clientError?.description.contains(piece) == true) }
        #expect(wire.clientError?.isRetryable == false)
    }
}
