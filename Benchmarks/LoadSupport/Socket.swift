import Glibc

/// Loopback TCP sockets, not blocking once they are open.
public enum Socket {
    public static func connect(_ address: String) throws(LoadFailure) -> Int32 {
        let descriptor = try make()
        guard withAddress(try parse(address), { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            throw failure("connect to \(address)")
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        try setNonBlocking(descriptor)
        return descriptor
    }

    /// From one of the addresses of loopback, asking again while no port is free or the backlog is full.
    public static func connectFrom(_ host: UInt8, to address: String, seconds: Double) throws(LoadFailure) -> Int32 {
        let retryMicroseconds: UInt32 = 2_000
        let deadline = nanosecondsNow() + nanoseconds(seconds)
        let target = try parse(address)
        while true {
            let descriptor = try make()
            var own = sockaddr_in()
            own.sin_family = sa_family_t(AF_INET)
            own.sin_addr.s_addr = (UInt32(0x7F00_0000) + UInt32(host)).bigEndian
            var one: Int32 = 1
            // The port is chosen with the connection, so that one is free that goes to another server.
            setsockopt(descriptor, Int32(IPPROTO_IP), bindAddressNoPort, &one, socklen_t(MemoryLayout<Int32>.size))
            let isBound = withAddress(own) { Glibc.bind(descriptor, $0, $1) } == 0
            if isBound, withAddress(target, { Glibc.connect(descriptor, $0, $1) }) == 0 {
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
                try setNonBlocking(descriptor)
                return descriptor
            }
            let failed = failure("connect to \(address)")
            let mayRetry = [EADDRNOTAVAIL, EADDRINUSE, EAGAIN, ETIMEDOUT, EINTR].contains(errno)
            close(descriptor)
            guard mayRetry, nanosecondsNow() < deadline else { throw failed }
            usleep(retryMicroseconds)
        }
    }

    /// IP_BIND_ADDRESS_NO_PORT of ip(7).
    private static let bindAddressNoPort: Int32 = 24

    public static func listen(_ address: String) throws(LoadFailure) -> Int32 {
        let descriptor = try make()
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard withAddress(try parse(address), { Glibc.bind(descriptor, $0, $1) }) == 0,
            Glibc.listen(descriptor, SOMAXCONN) == 0
        else { throw failure("listen on \(address)") }
        try setNonBlocking(descriptor)
        return descriptor
    }

    public static func localPort(_ descriptor: Int32) -> UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    public static func setNonBlocking(_ descriptor: Int32) throws(LoadFailure) {
        guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0 else {
            throw failure("fcntl")
        }
    }

    public static func port(of address: String) throws(LoadFailure) -> UInt16 {
        UInt16(bigEndian: try parse(address).sin_port)
    }

    public static func failure(_ call: String) -> LoadFailure {
        LoadFailure("\(call): \(String(cString: strerror(errno)))")
    }

    private static func make() throws(LoadFailure) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("socket") }
        return descriptor
    }

    private static func parse(_ address: String) throws(LoadFailure) -> sockaddr_in {
        let parts = address.split(separator: ":")
        var parsed = sockaddr_in()
        parsed.sin_family = sa_family_t(AF_INET)
        guard parts.count == 2, let port = UInt16(parts[1]), inet_pton(AF_INET, String(parts[0]), &parsed.sin_addr) == 1
        else { throw LoadFailure("not an IPv4 HOST:PORT: \(address)") }
        parsed.sin_port = port.bigEndian
        return parsed
    }

    private static func withAddress(
        _ address: sockaddr_in,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
