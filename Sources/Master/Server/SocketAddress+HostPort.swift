import NIOCore
import PodlingProtocol

extension SocketAddress {
    /// nil for an address without a port, as of a Unix socket.
    package var hostPort: HostPort? {
        guard let host = ipAddress, let port else { return nil }
        return HostPort(host, port)
    }
}
