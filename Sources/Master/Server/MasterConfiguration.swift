import Glibc
import PodlingAccess
import PodlingCore
import PodlingProtocol

/// Where the master listens, and the bounds of its shell.
public struct MasterConfiguration: Sendable {
    public var host = "127.0.0.1"
    /// 0 lets the system choose.
    public var port = 7070
    /// HOST or HOST:PORT by which peers reach this master; nil is where it listens, by the name of this machine where
    /// that is every address.
    public var advertised: String?
    /// What the holder of a certificate is that names no node; nil has to show a token.
    public var certificateRole: Role? = .client
    /// nil is plain text.
    public var tls: ServerTLS?
    /// Connections whose TLS handshake is not done; for one more the oldest has to go.
    public var pendingHandshakesMax = PendingHandshakes.countMaxDefault
    /// Of one address.
    public var pendingHandshakesPerAddressMax = PendingHandshakes.perAddressMaxDefault
    public var connectionsMax = Limits.connectionsMaxDefault
    public var firstLineSeconds = Limits.firstLineSeconds
    public var identitySeconds = Limits.identitySeconds
    public var partialLineSeconds = Limits.partialLineSeconds
    /// Output that waits for one peer to read it, and for all of them.
    public var unreadBytesMax = Limits.unreadBytesMax
    public var unreadBytesTotalMax = Limits.unreadBytesTotalMax
    /// How long going down may take.
    public var shutdownSeconds = 5
    /// Connections that wait to be accepted.
    public var backlog: Int32 = 1_024
    /// Turns that wait for the store.
    public var heldTurnsMax = 4_096
    /// Bytes to be sent that wait for the store.
    public var heldBytesMax = 128 * 1024 * 1024
    public var core: CoreConfiguration

    public init(core: CoreConfiguration) {
        self.core = core
    }

    /// HOST:PORT for others, once the port is known.
    func advertisedAddress(port: Int) -> String {
        if let advertised, advertised.last != "]", advertised.contains(":") { return advertised }
        let host = advertised ?? (["0.0.0.0", "::"].contains(host) ? Self.machineName() : host)
        // What was given to be advertised may have its brackets already.
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
