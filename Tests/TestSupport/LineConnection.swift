import Glibc

/// A blocking TCP connection of a test, read line by line; every wait has a deadline. Not for two threads at once.
public final class LineConnection {
    private let socket: Int32
    private var received: [UInt8] = []
    private var hasEnded = false

    public init(host: String, port: UInt16) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
            throw TestSupportError("not an address: \(host)")
        }
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw TestSupportError.system("socket") }
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket, $0, size) }
        }
        guard code == 0 else { throw TestSupportError.system("connect to \(host):\(port)") }
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { Glibc.close(socket) }

    /// Sends the bytes as they are.
    public func send(_ bytes: some Collection<UInt8>, seconds: Double = 10) throws {
        let deadline = Deadline.after(seconds: seconds)
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            guard wait(for: POLLOUT, until: deadline) else { throw TestSupportError("the peer does not read") }
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count >= 0 else { throw TestSupportError.system("send") }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends the text and a line feed.
    public func send(line: String) throws { try send(Array(line.utf8) + [UInt8(ascii: "\n")]) }

    /// The next line without its line feed, or nil at the end of the stream. Throws at the deadline.
    public func readLine(seconds: Double = 10) throws -> [UInt8]? {
        let deadline = Deadline.after(seconds: seconds)
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(received[..<end])
                received.removeSubrange(...end)
                return line
            }
            if hasEnded { return nil }
            guard wait(for: POLLIN, until: deadline) else { throw TestSupportError("no line within \(seconds) s") }
            receive()
        }
    }

    /// Ends the sending side.
    public func closeSending() { shutdown(socket, Int32(SHUT_WR)) }

    private func receive() {
        let chunkBytes = 64 * 1024
        let chunk = [UInt8](unsafeUninitializedCapacity: chunkBytes) { buffer, count in
            count = max(0, recv(socket, buffer.baseAddress, chunkBytes, 0))
        }
        received += chunk
        hasEnded = chunk.isEmpty
    }

    private func wait(for event: Int32, until deadline: Deadline) -> Bool {
        var descriptor = pollfd(fd: socket, events: Int16(event), revents: 0)
        return poll(&descriptor, 1, deadline.millisecondsLeft) > 0
    }
}
