import ArgumentParser
import PodlingAccess
import PodlingTLS

/// The TLS options of this master, for its lines and for HTTP alike.
struct TLSOptions: ParsableArguments {
    @Option(
        name: .customLong("tls-cert"),
        help: ArgumentHelp(
            "This master's certificate, then those of the CAs below the root, PEM (PODLING_TLS_CERT). Turns TLS on.",
            valueName: "file"
        )
    )
    var certificate: String?

    @Option(name: .customLong("tls-key"), help: ArgumentHelp("Its key, PEM (PODLING_TLS_KEY).", valueName: "file"))
    var key: String?

    @Option(
        name: .customLong("tls-client-ca"),
        help: ArgumentHelp("The CAs whose clients are let in, PEM (PODLING_TLS_CLIENT_CA).", valueName: "file")
    )
    var clientCA: String?

    @Option(
        name: .customLong("tls-crl"),
        help: ArgumentHelp("A revocation list of each of these CAs, PEM (PODLING_TLS_CRL).", valueName: "file")
    )
    var revocation: String?

    @Option(
        name: .customLong("tls-client-cert"),
        help: ArgumentHelp(
            "Whether clients show a certificate: off, optional, require (PODLING_TLS_CLIENT_CERT; default require with "
                + "--tls-client-ca, else off).",
            valueName: "mode"
        )
    )
    var clientCertificates: String?

    @Option(
        name: .customLong("tls-min-version"),
        help: ArgumentHelp("TLSv1.2 or TLSv1.3 (PODLING_TLS_MIN_VERSION; default TLSv1.2).", valueName: "version")
    )
    var minimumVersion: String?

    @Option(
        name: .customLong("tls-client-role"),
        help: ArgumentHelp(
            "What a certificate that names no node stands for: worker, client, reader, admin, or none, which needs a token "
                + "too (PODLING_TLS_CLIENT_ROLE; default client).",
            valueName: "role"
        )
    )
    var certificateRole: String?

    func validate() throws {
        _ = try roleOfCertificates()
        _ = try configuration()
    }

    /// - Throws: `ValidationError`.
    func roleOfCertificates() throws -> Role? {
        let text = try Setting.value(certificateRole, "--tls-client-role", "PODLING_TLS_CLIENT_ROLE") ?? "client"
        guard text != "none" else { return nil }
        guard let role = Role(rawValue: text) else {
            throw ValidationError(
                "--tls-client-role: '\(text)' is no role: it may be worker, client, reader, admin or none."
            )
        }
        return role
    }

    /// nil is plain text.
    func configuration() throws -> TLSServerConfiguration? {
        let certificateFile = try Setting.value(certificate, "--tls-cert", "PODLING_TLS_CERT")
        let keyFile = try Setting.value(key, "--tls-key", "PODLING_TLS_KEY")
        guard let certificateFile, let keyFile else {
            try refuseWithoutCertificate(certificateFile, keyFile)
            return nil
        }
        var configuration = TLSServerConfiguration(certificateFile: certificateFile, keyFile: keyFile)
        configuration.clientCAFile = try Setting.value(clientCA, "--tls-client-ca", "PODLING_TLS_CLIENT_CA")
        configuration.revocationFile = try Setting.value(revocation, "--tls-crl", "PODLING_TLS_CRL")
        configuration.clientCertificates = configuration.clientCAFile == nil ? .off : .require
        if let mode = try Setting.value(clientCertificates, "--tls-client-cert", "PODLING_TLS_CLIENT_CERT") {
            guard let known = TLSClientCertificates(rawValue: mode) else {
                throw ValidationError("--tls-client-cert: '\(mode)' is no mode: it may be off, optional or require.")
            }
            configuration.clientCertificates = known
        }
        if let version = try Setting.value(minimumVersion, "--tls-min-version", "PODLING_TLS_MIN_VERSION") {
            do {
                configuration.minimumVersion = try TLSVersion(named: version, setting: "--tls-min-version")
            } catch {
                throw ValidationError("\(error)")
            }
        }
        return configuration
    }

    private func refuseWithoutCertificate(_ certificateFile: String?, _ keyFile: String?) throws {
        if certificateFile != nil { throw ValidationError("--tls-cert is given without --tls-key: give both.") }
        if keyFile != nil { throw ValidationError("--tls-key is given without --tls-cert: give both.") }
        let others = [
            ("--tls-client-ca", try Setting.value(clientCA, "--tls-client-ca", "PODLING_TLS_CLIENT_CA")),
            ("--tls-crl", try Setting.value(revocation, "--tls-crl", "PODLING_TLS_CRL")),
            (
                "--tls-client-cert",
                try Setting.value(clientCertificates, "--tls-client-cert", "PODLING_TLS_CLIENT_CERT")
            ),
            ("--tls-client-role", certificateRole),
            ("--tls-min-version", try Setting.value(minimumVersion, "--tls-min-version", "PODLING_TLS_MIN_VERSION")),
        ]
        if let (option, _) = others.first(where: { $0.1 != nil }) {
            throw ValidationError("\(option) is given, but there is no TLS without --tls-cert and --tls-key.")
        }
    }
}
