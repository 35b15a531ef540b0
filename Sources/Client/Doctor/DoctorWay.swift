import NIOCore
import NIOPosix
import PodlingProtocol
internal import PodlingTLS

/// Network diagnosis: name resolution, addresses, TCP.
struct DoctorWay: Sendable {
    let host: String
    let port: Int
    let hostAddress: String?
    let group: any EventLoopGroup
    var lookup: @Sendable (String, any EventLoop) async throws -> [String] = HostLookup.addresses
    var timeoutSeconds = LineConnection.connectTimeoutSecondsDefault

    /// - Returns: the address that answered; nil where the last finding is broken.
    func findings() async -> (findings: [DoctorFinding], address: String?) {
        var findings: [DoctorFinding] = []
        let addresses: [String]
        if let hostAddress {
            findings.append(DoctorFinding(.name, .skipped, "'\(host)' is not looked up: hostaddr is given"))
            addresses = [hostAddress]
        } else if PeerName.isAddress(host) {
            findings.append(DoctorFinding(.name, .skipped, "\(host) is an address"))
            addresses = [host]
        } else {
            do {
                addresses = try await lookup(host, group.next())
                findings.append(DoctorFinding(.name, .good, "'\(host)' is known"))
            } catch {
                let why = (error as? HostLookup.Failure)?.text ?? "\(error)"
                let cure = "Correct the host, add it to DNS or /etc/hosts, or give its address by hostaddr."
                return ([DoctorFinding(.name, .broken, "'\(host)' is not known: \(why)", cure: cure)], nil)
            }
        }
        guard !addresses.isEmpty else {
            let cure = "Give its address by hostaddr."
            findings.append(DoctorFinding(.address, .broken, "'\(host)' has no address", cure: cure))
            return (findings, nil)
        }
        findings.append(DoctorFinding(.address, .good, addresses.joined(separator: ", ")))
        let (finding, address) = await tcp(addresses)
        return (findings + [finding], address)
    }

    /// Tries the addresses in turn.
    private func tcp(_ addresses: [String]) async -> (DoctorFinding, String?) {
        var refusals: [String] = []
        for address in addresses {
            do {
                try await DoctorDial(ip: address, port: port, timeoutSeconds: timeoutSeconds, group: group).connect()
                let others = refusals.isEmpty ? "" : " (but not \(refusals.joined(separator: "; ")))"
                return (DoctorFinding(.tcp, .good, "\(shown(address)) is connected to\(others)"), address)
            } catch {
                let why = ConnectFailure.text(error, timeoutSeconds: timeoutSeconds)
                refusals.append("\(shown(address)): \(why)")
            }
        }
        let cure =
            refusals.allSatisfy { $0.hasSuffix("connection refused") }
            ? "Nothing listens there: start the server, or correct the port."
            : "Look at the server's address, and at what filters the way to it."
        return (DoctorFinding(.tcp, .broken, refusals.joined(separator: "; "), cure: cure), nil)
    }

    private func shown(_ address: String) -> String { HostPort(address, port).description }
}

/// One diagnostic connection, closed when its result is known.
struct DoctorDial: Sendable {
    let ip: String
    let port: Int
    let timeoutSeconds: Int
    let group: any EventLoopGroup

    /// The server's message in place of a TLS handshake.
    struct Refusal: Error {
        let text: String
        let cure: String?
    }

    private var bootstrap: ClientBootstrap {
        ClientBootstrap(group: group).connectTimeout(.seconds(Int64(timeoutSeconds)))
    }

    func connect() async throws {
        let channel = try await bootstrap.connect(host: ip, port: port).get()
        try? await channel.close().get()
    }

    /// - Parameter asksFirst: whether TLS is requested in plaintext first, as PostgreSQL requires.
    /// - Throws: `TLSError`, `Refusal`, or a network error.
    func handshake(_ context: TLSContext, host: String, asksFirst: Bool = false) async throws -> TLSHandshakeDone? {
        let security = ConnectionSecurity(context, host: try PeerName(host), timeoutSeconds: timeoutSeconds)
        let seconds = timeoutSeconds
        let (channel, opened) = try await bootstrap.connect(host: ip, port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                guard asksFirst else { return (channel, try security.begin(channel)) }
                return (channel, try PostgresTLSRequest.begin(channel, security, timeoutSeconds: seconds))
            }
        }
        let result: Result<TLSHandshakeDone?, any Error>
        do { result = .success(try await opened.get()) } catch { result = .failure(error) }
        try? await channel.close().get()
        return try result.get()
    }
}
