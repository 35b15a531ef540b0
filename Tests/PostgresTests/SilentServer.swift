import Glibc
import TestSupport

/// Accepts connections and never answers, as behind a network that drops packets.
final class SilentServer: Sendable {
    private let socket: Int32
    let url: String

    init() throws {
        let (socket, port) = try LineConnection.listen()
        self.socket = socket
        url = "postgres://nobody@127.0.0.1:\(port)/none?sslmode=disable"
    }

    deinit { close(socket) }
}
