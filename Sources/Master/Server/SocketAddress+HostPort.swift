import NIOCore
import PodlingProtocol

extension SocketAddress {
    /// nil for one without a port, as that of a Unix socket.
    package var hostPort: HostPort? {
        guard let host = ipAddress, let port else { return nil }
        return HostPort(host, port)
    }
}
