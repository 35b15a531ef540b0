import Glibc
import PodlingAccess
import PodlingCore
import PodlingProtocol
import PodlingShell

/// The master's listening address, its shell's limits, and its core's configuration.
package struct MasterConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0 lets the system choose.
    package var port = 7070
    /// HOST or HOST:PORT by which peers reach this master; nil is the listening address, with this machine's host name
    /// in place of a wildcard address.
    package var advertised: String?
    /// The role of a certificate's holder where it names no node; nil requires a token.
    package var certificateRole: Role? = .client
    /// nil serves plain text.
    package var tls: ServerTLS?
    /// Connections whose TLS handshake is not complete; one more evicts the oldest.
    package var pendingHandshakesMax = PendingHandshakes.countMaxDefault
    /// The limit for one address.
    package var pendingHandshakesPerAddressMax = PendingHandshakes.perAddressMaxDefault
    /// The listen backlog: connections that wait to be accepted.
    package var backlog: Int32 = 1_024
    package var limits = ShellLimits()
    package var core: CoreConfiguration

    package init(core: CoreConfiguration) {
        self.core = core
    }

    /// HOST:PORT to announce to others, once the port is known.
    func advertisedAddress(port: Int) -> String {
        if let advertised, advertised.last != "]", advertised.contains(":") { return advertised }
        let host = advertised ?? (["0.0.0.0", "::"].contains(host) ? Self.machineName() : host)
        // A host that was given explicitly may have its brackets already.
        return host.first == "[" ? "\(host):\(port)" : HostPort(host, port).description
    }

    private static func machineName() -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress, gethostname(start, buffer.count - 1) == 0 else { return "localhost" }
            buffer[buffer.count - 1] = 0
            return String(cString: start)
        }
    }
}
