import Glibc
import Logging
import NIOConcurrencyHelpers
import PodlingTLS

/// The TLS contexts of this master, for its lines and for HTTP; reloaded on demand.
package final class ServerTLS: Sendable {
    private struct Contexts {
        var line: TLSContext
        var http: TLSContext
    }

    private let configuration: TLSServerConfiguration
    private let logger: Logger
    private let contexts: NIOLockedValueBox<Contexts>

    /// Reads all files. An invalid date of the certificate does not prevent the start: the log reports it, and clients
    /// reject the certificate by themselves.
    ///
    /// - Throws: `TLSError` that names the setting, the file and the remedy.
    package init(_ configuration: TLSServerConfiguration, logger: Logger) throws(TLSError) {
        self.configuration = configuration
        self.logger = logger
        contexts = NIOLockedValueBox(try Self.read(configuration, isAnyDateGood: true))
        checkDates()
        checkUses()
    }

    /// The context for new connections.
    package var lineContext: TLSContext { contexts.withLockedValue { $0.line } }
    package var httpContext: TLSContext { contexts.withLockedValue { $0.http } }

    /// Whether every client must show a certificate.
    package var demandsCertificates: Bool { configuration.clientCertificates == .require }

    /// The facts of the current certificate.
    package var certificate: CertificateFacts? { lineContext.certificate }

    /// Reloads all files for new connections; open connections continue. Where anything is invalid, a date too, the old
    /// contexts stay.
    package func reload() {
        do throws(TLSError) {
            let isExpired = certificate?.dateOffence(now: time(nil)) != nil
            let fresh = try Self.read(configuration, isAnyDateGood: isExpired)
            contexts.withLockedValue { $0 = fresh }
            logger.notice("TLS: the certificate and what goes with it were read again")
            checkDates()
            checkUses()
        } catch {
            logger.error("TLS: read again, and not taken: \(error) Connections get the certificate that there was.")
        }
    }

    /// Logs the expiry of the certificate and of the revocation lists, at a level that rises as it approaches.
    package func checkDates() {
        let (context, now) = (lineContext, time(nil))
        if let certificate = context.certificate, let end = certificate.notAfter {
            log(.of(certificate, now: now), until: end, ["certificate": "\(certificate.subject)"])
        }
        if let end = context.revocationEnd {
            log(.of(revocationEnd: end, now: now), until: end, [:])
        }
    }

    /// Warns of valid settings that are of no use to any client.
    private func checkUses() {
        let context = lineContext
        let offence = context.certificate.flatMap { ServerTLS.offence(of: $0) }
        if let offence { logger.warning("TLS: --tls-cert: \(offence)") }
        let authorities = context.clientAuthorities
        if !authorities.isEmpty, !authorities.contains(where: \.isAuthority) {
            logger.warning(
                """
                TLS: --tls-client-ca: \(configuration.clientCAFile ?? "") holds no CA's certificate (CA:TRUE), so nobody \
                with a certificate that was signed is let in. Give that of the CA that signs the clients' certificates
                """
            )
        }
    }

    /// A human-readable reason why verify-full clients reject it; nil where they need not.
    private static func offence(of certificate: CertificateFacts) -> String? {
        let isNamed = certificate.names.contains { name in
            if case .uri = name { false } else { true }
        }
        guard isNamed else {
            return "the certificate names no host (DNS: or IP: in subjectAltName): clients with verify-full refuse it"
        }
        guard certificate.isForServers else {
            return
                "the certificate is not for servers (extendedKeyUsage without serverAuth): clients that check it refuse it"
        }
        return nil
    }

    private func log(_ stage: ExpiryStage, until end: Int, _ metadata: Logger.Metadata) {
        let until: Logger.Metadata = ["until": "\(CertificateFacts.utc(end))"]
        logger.log(level: stage.level, "TLS: \(stage.text)", metadata: metadata.merging(until) { _, new in new })
    }

    private static func read(
        _ configuration: TLSServerConfiguration,
        isAnyDateGood: Bool
    ) throws(TLSError) -> Contexts {
        Contexts(
            line: try TLSContext(server: configuration, speaking: .podling, isAnyDateGood: isAnyDateGood),
            http: try TLSContext(server: configuration, speaking: .http, isAnyDateGood: isAnyDateGood)
        )
    }
}
