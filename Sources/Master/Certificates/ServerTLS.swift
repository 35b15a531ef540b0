import Glibc
public import Logging
import NIOConcurrencyHelpers
public import PodlingTLS

/// The certificate of this master and all that goes with it, for its lines and for HTTP; read anew on demand.
public final class ServerTLS: Sendable {
    private struct Contexts {
        var line: TLSContext
        var http: TLSContext
    }

    private let configuration: TLSServerConfiguration
    private let logger: Logger
    private let contexts: NIOLockedValueBox<Contexts>

    /// Reads all files. Only the certificate's dates do not keep it from starting: the log says what is wrong with them,
    /// and clients refuse it by themselves.
    ///
    /// - Throws: `TLSError` that names the setting, the file and the cure.
    public init(_ configuration: TLSServerConfiguration, logger: Logger) throws(TLSError) {
        self.configuration = configuration
        self.logger = logger
        contexts = NIOLockedValueBox(try Self.read(configuration, isAnyDateGood: true))
        checkDates()
        checkUses()
    }

    /// For connections that begin now.
    public var lineContext: TLSContext { contexts.withLockedValue { $0.line } }
    public var httpContext: TLSContext { contexts.withLockedValue { $0.http } }

    /// Whether every client must show a certificate.
    public var demandsCertificates: Bool { configuration.clientCertificates == .require }

    /// Of the certificate that is shown now.
    public var certificate: CertificateFacts? { lineContext.certificate }

    /// Reads all files again, and takes what they hold for new connections; those that are open go on. Where anything is
    /// wrong, a date too, all stays as it was.
    public func reload() {
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

    /// Logs the ends of the certificate and of the revocation lists, the louder the nearer they are.
    public func checkDates() {
        let (context, now) = (lineContext, time(nil))
        if let certificate = context.certificate, let end = certificate.notAfter {
            log(.of(certificate, now: now), until: end, ["certificate": "\(certificate.subject)"])
        }
        if let end = context.revocationEnd {
            log(.of(revocationEnd: end, now: now), until: end, [:])
        }
    }

    /// Warns of what is taken, but of use to nobody.
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

    /// Why clients that check it (verify-full) refuse it, for people; nil where they need not.
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
