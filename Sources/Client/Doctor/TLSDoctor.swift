import NIOCore
import NIOPosix
internal import PodlingTLS

/// Diagnoses the connection to a master step by step, and reports the first step that fails.
///
/// It connects several times: by TCP, by TLS without verification, by TLS with all settings, and as a client does.
package struct TLSDoctor: Sendable {
    private let address: MasterAddress
    private let options: PodlingClient.Options
    private let group: any EventLoopGroup

    /// - Parameters:
    ///   - address: an address with TLS.
    ///   - options: the settings with which a client would connect to it.
    package init(
        _ address: MasterAddress,
        options: PodlingClient.Options = PodlingClient.Options(),
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.address = address
        self.options = options
        self.group = group
    }

    /// - Parameter report: called with each finding as it is made; the last one is broken if any is.
    /// - Returns: whether no finding is broken.
    package func examine(_ report: (DoctorFinding) throws -> Void) async rethrows -> Bool {
        guard let client = address.tls else {
            try report(
                DoctorFinding(
                    .tls,
                    .broken,
                    "\(address) is dialled in plaintext",
                    cure: "Give podlings://\(address), if the master has TLS."
                )
            )
            return false
        }
        let way = DoctorWay(host: address.host, port: address.port, hostAddress: address.hostAddress, group: group)
        let reached = await way.findings()
        for finding in reached.findings { try report(finding) }
        guard let ip = reached.address else { return false }
        let checks = DoctorChecks(client: client, host: address.host) { context in
            try await DoctorDial(
                ip: ip,
                port: address.port,
                timeoutSeconds: options.connectTimeoutSeconds,
                group: group
            )
            .handshake(context, host: address.host)
        }
        let found = await checks.findings()
        for finding in found { try report(finding) }
        if found.contains(where: { $0.verdict == .broken }) { return false }
        let last = await master(ip)
        try report(last)
        return last.verdict != .broken
    }

    /// Connects as a client does: greeting, hello, ping.
    private func master(_ ip: String) async -> DoctorFinding {
        let dialled = MasterAddress(host: address.host, port: address.port, hostAddress: ip, tls: address.tls)
        var options = options
        options.choice = .first
        options.saysHelloAlways = true
        do {
            let client = try await PodlingClient.connect(to: [dialled], options: options, on: group)
            defer { client.close() }
            let view = try await client.ping()
            return DoctorFinding(.master, .good, "\(view.server) \(view.isStandby ? "stands by" : "leads")")
        } catch let error as PodlingError where error.isRefusal {
            return Self.refusal(error, hasToken: options.token != nil)
        } catch {
            return DoctorFinding(.master, .broken, "\(error)", cure: nil)
        }
    }

    /// The finding for a rejected hello; only the master's message distinguishes the causes.
    private static func refusal(_ error: PodlingError, hasToken: Bool) -> DoctorFinding {
        let workerMark = "role: client is not for "
        if error.code == "forbidden", error.message.hasPrefix(workerMark) {
            let identity = error.message.dropFirst(workerMark.count)
            return DoctorFinding(.master, .good, "it lets this in as a worker, and not as a client: \(identity)")
        }
        if error.code == "unauthenticated", !hasToken {
            let cure =
                "Give --token-file or PODLING_TOKEN, or a certificate of its --tls-client-ca (--sslcert, --sslkey) "
                + "where its --tls-client-role is not none."
            return DoctorFinding(.master, .broken, "it asks for a token, and none is given", cure: cure)
        }
        let cure: String
        if error.code == "unauthenticated" {
            cure = "Have a new token made: podling-master token create."
        } else if error.message.hasPrefix("token: ") {
            cure = "Give the token of that node, or the certificate alone."
        } else {
            cure =
                "Have the certificate of sslcert issued anew: a worker's with one URI podling://node/ID, a client's with none."
        }
        return DoctorFinding(.master, .broken, "it does not let this in: \(error)", cure: cure)
    }
}
