import Glibc

/// Accepts connections and never answers, as behind a network that drops packets.
final class SilentServer: Sendable {
    private let socket: Int32
    let url: String

    init() throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = socket
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) + listen(socket, 128) + getsockname(socket, address, &length)
            }
        }
        struct NoSocket: Error {}
        guard code == 0 else { throw NoSocket() }
        url = "postgres://nobody@127.0.0.1:\(UInt16(bigEndian: address.sin_port))/none?sslmode=disable"
    }

    deinit { close(socket) }
}
