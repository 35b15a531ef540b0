import ArgumentParser
import FoundationEssentials
import PodlingTLS

/// The TLS of this master: for its lines and for HTTP alike.
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

    func validate() throws { _ = try configuration() }

    /// nil is plain text.
    func configuration() throws -> TLSServerConfiguration? {
        let certificateFile = value(certificate, "PODLING_TLS_CERT")
        let keyFile = value(key, "PODLING_TLS_KEY")
        guard let certificateFile, let keyFile else {
            try refuseWithoutCertificate(certificateFile, keyFile)
            return nil
        }
        var configuration = TLSServerConfiguration(certificateFile: certificateFile, keyFile: keyFile)
        configuration.clientCAFile = value(clientCA, "PODLING_TLS_CLIENT_CA")
        configuration.revocationFile = value(revocation, "PODLING_TLS_CRL")
        configuration.clientCertificates = configuration.clientCAFile == nil ? .off : .require
        if let mode = value(clientCertificates, "PODLING_TLS_CLIENT_CERT") {
            guard let known = TLSClientCertificates(rawValue: mode) else {
                throw ValidationError("--tls-client-cert: '\(mode)' is no mode: it may be off, optional or require.")
            }
            configuration.clientCertificates = known
        }
        if let version = value(minimumVersion, "PODLING_TLS_MIN_VERSION") {
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
            ("--tls-client-ca", value(clientCA, "PODLING_TLS_CLIENT_CA")),
            ("--tls-crl", value(revocation, "PODLING_TLS_CRL")),
            ("--tls-client-cert", value(clientCertificates, "PODLING_TLS_CLIENT_CERT")),
            ("--tls-min-version", value(minimumVersion, "PODLING_TLS_MIN_VERSION")),
        ]
        if let (option, _) = others.first(where: { $0.1 != nil }) {
            throw ValidationError("\(option) is given, but there is no TLS without --tls-cert and --tls-key.")
        }
    }

    /// The flag, or else the environment; empty is not set.
    private func value(_ flag: String?, _ variable: String) -> String? {
        let value = flag ?? ProcessInfo.processInfo.environment[variable]
        return value?.isEmpty == true ? nil : value
    }
}
