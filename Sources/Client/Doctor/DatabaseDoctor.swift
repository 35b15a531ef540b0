import Glibc
import NIOCore
import NIOPosix
import PodlingProtocol
internal import PodlingTLS

/// Diagnoses the connection to a PostgreSQL server step by step, as libpq would make it, up to the login: `TLSDoctor`
/// for a `DATABASE_URL`.
package struct DatabaseDoctor: Sendable, CustomStringConvertible {
    private let host: DatabaseURL.Host
    private let settings: [String: String]
    /// The user's folder of certificates, libpq's default location.
    private let folder: String?
    private let group: any EventLoopGroup

    /// - Parameters:
    ///   - url: `postgres://...`
    ///   - environment: returns the value of a variable: `PGSSLMODE`, `HOME` and so on.
    /// - Returns: one for each host of the URL.
    /// - Throws: `DatabaseURLError`.
    package static func doctors(
        _ url: String,
        environment: (String) -> String?,
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) throws(DatabaseURLError) -> [DatabaseDoctor] {
        let url = try DatabaseURL(url, environment: environment)
        let folder = environment("HOME").map { "\($0)/.postgresql" }
        return url.hosts.map { DatabaseDoctor(host: $0, settings: url.parameters, folder: folder, group: group) }
    }

    /// Whether a text is a PostgreSQL URL.
    package static func isFor(_ url: String) -> Bool { DatabaseURL.isOne(url) }

    package var description: String { "postgres://\(HostPort(host.name, host.port))" }

    /// - Parameter report: called with each finding as it is made; the last one is broken if any is.
    /// - Returns: whether no finding is broken.
    package func examine(_ report: (DoctorFinding) throws -> Void) async rethrows -> Bool {
        let client: TLSClientConfiguration
        let advice: DoctorFinding?
        switch configuration() {
        case .broken(let finding):
            try report(finding)
            return false
        case .usable(let usable, let finding): (client, advice) = (usable, finding)
        }
        let way = DoctorWay(host: host.name, port: host.port, hostAddress: host.address, group: group)
        let reached = await way.findings()
        for finding in reached.findings { try report(finding) }
        guard let ip = reached.address else { return false }
        if let advice { try report(advice) }
        let dial = DoctorDial(
            ip: ip,
            port: host.port,
            timeoutSeconds: LineConnection.connectTimeoutSecondsDefault,
            group: group
        )
        let isDirect = settings["sslnegotiation"] == "direct"
        let name = host.name
        var checks = DoctorChecks(client: client, host: name) { context in
            try await dial.handshake(context, host: name, asksFirst: !isDirect)
        }
        checks.applicationProtocol = .postgres
        checks.takesCommonName = true
        let found = await checks.findings()
        for finding in found { try report(finding.asOfPostgres) }
        return !found.contains { $0.verdict == .broken }
    }
}

extension DatabaseDoctor {
    private enum Configuration {
        case usable(TLSClientConfiguration, advice: DoctorFinding?)
        case broken(DoctorFinding)
    }

    private static let cureForMode =
        "Use sslmode=verify-full and sslrootcert=FILE with the certificate of the server's CA."

    /// Interprets the settings as libpq does.
    private func configuration() -> Configuration {
        guard !host.name.hasPrefix("/") else {
            return .broken(DoctorFinding(.tls, .broken, "a Unix socket has no TLS, and needs none", cure: nil))
        }
        let mode = settings["sslmode"] ?? "prefer"
        var client = TLSClientConfiguration()
        do {
            if let text = settings["ssl_min_protocol_version"], text != "TLSv1", text != "TLSv1.1" {
                client.minimumVersion = try TLSVersion(named: text, setting: "ssl_min_protocol_version")
            }
            client.mode = mode == "allow" || mode == "prefer" ? .require : try TLSMode(named: mode)
        } catch {
            return .broken(DoctorFinding(.tls, .broken, error))
        }
        client.sendsServerName = settings["sslsni"] != "0"
        client.certificateFile = settings["sslcert"] ?? own("postgresql.crt")
        if client.certificateFile != nil { client.keyFile = settings["sslkey"] ?? own("postgresql.key") }
        let roots = settings["sslrootcert"] ?? own("root.crt")
        switch client.mode {
        case .disable:
            return .broken(
                DoctorFinding(.tls, .broken, "sslmode=disable: all goes in plaintext", cure: Self.cureForMode)
            )
        case .require where roots == nil || mode != "require" || !isThere(roots):
            let falls = mode == "require" ? "" : " and falls back to plaintext without a word"
            let text = "sslmode=\(mode) checks nothing\(falls): anybody may pose as the server. \(Self.cureForMode)"
            return .usable(client, advice: DoctorFinding(.tls, .skipped, text))
        case .require:
            // A root certificate file raises the mode to verify-ca, for old programs (PostgreSQL manual, 34.19.1).
            client.mode = .verifyCA
        case .verifyCA, .verifyFull:
            guard roots != nil else {
                let text = "sslmode=\(mode) needs sslrootcert, and \(folder ?? "~/.postgresql")/root.crt is not there"
                let cure = "Give sslrootcert=FILE with the certificate of the server's CA."
                return .broken(DoctorFinding(.chain, .broken, text, cure: cure))
            }
        }
        client.roots = roots.map { $0 == "system" ? .system : .file($0) }
        client.revocationFile = settings["sslcrl"] ?? own("root.crl")
        return .usable(client, advice: nil)
    }

    /// The path of a file in the user's folder, if it exists.
    private func own(_ name: String) -> String? {
        guard let path = folder.map({ "\($0)/\(name)" }), isThere(path) else { return nil }
        return path
    }

    private func isThere(_ path: String?) -> Bool { path.map { access($0, F_OK) == 0 } ?? false }
}

extension DoctorFinding {
    /// Rewords a remedy for PostgreSQL, whose settings have other names than a master's flags.
    fileprivate var asOfPostgres: DoctorFinding {
        let words = [
            ("--tls-client-ca", "ssl_ca_file"), ("--tls-min-version", "ssl_min_protocol_version"),
            ("a Podling master", "a PostgreSQL server"),
        ]
        let cure = cure.map { cure in words.reduce(cure) { $0.replacing($1.0, with: $1.1) } }
        return DoctorFinding(step, verdict, text, cure: cure)
    }
}
