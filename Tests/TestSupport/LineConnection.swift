import Glibc

/// A blocking TCP connection of a test, read line by line; every wait has a deadline. Not for two threads at once.
public final class LineConnection {
    private let socket: Int32
    private var received: [UInt8] = []
    private var hasEnded = false

    public init(host: String, port: UInt16) throws { socket = try Self.connected(host: host, port: port) }

    /// Of the side that listens; the socket is its own from now on.
    public init(accepted socket: Int32) { self.socket = socket }

    /// A connected socket, which is the caller's to close.
    public static func connected(host: String, port: UInt16) throws -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
            throw TestSupportError("not an address: \(host)")
        }
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw TestSupportError.system("socket") }
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket, $0, size) }
        }
        guard code == 0 else {
            let error = TestSupportError.system("connect to \(host):\(port)")
            Glibc.close(socket)
            throw error
        }
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        return socket
    }

    deinit { Glibc.close(socket) }

    /// Below the range from which the kernel takes the ports of outgoing connections (ip(7), `ip_local_port_range`): one
    /// of those could take the port before the server does that it is meant for.
    private static let serverPorts: ClosedRange<UInt16> = 20_000...32_000
    private static let triesMax = 100

    /// A port of loopback that nobody has now.
    public static func freePort() throws -> UInt16 {
        for _ in 0..<triesMax {
            guard let (socket, port) = try? listen(port: .random(in: serverPorts)) else { continue }
            Glibc.close(socket)
            return port
        }
        throw TestSupportError("no port of \(serverPorts) is free")
    }

    /// A socket that listens on a port of loopback; 0 takes a free one.
    public static func listen(port: UInt16 = 0) throws -> (socket: Int32, port: UInt16) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw TestSupportError.system("socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                guard bind(socket, name, size) == 0, Glibc.listen(socket, 128) == 0 else { return Int32(-1) }
                return getsockname(socket, name, &size)
            }
        }
        guard code == 0 else {
            Glibc.close(socket)
            throw TestSupportError.system("listen")
        }
        return (socket, address.sin_port.bigEndian)
    }

    /// The next connection, which programs that are started later do not get, or -1 (accept(2)).
    public static func accept(on listener: Int32) -> Int32 {
        let socket = Glibc.accept(listener, nil, nil)
        if socket >= 0 { _ = fcntl(socket, F_SETFD, FD_CLOEXEC) }
        return socket
    }

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

    /// Whether there is a line, or the end of the stream, by then.
    public func hasLine(within seconds: Double) -> Bool {
        let deadline = Deadline.after(seconds: seconds)
        while !hasEnded, !received.contains(UInt8(ascii: "\n")) {
            guard wait(for: POLLIN, until: deadline) else { return false }
            receive()
        }
        return true
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
