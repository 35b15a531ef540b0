import CEpoll
import Glibc
import LoadSupport

/// Sends back what it gets: the floor under every latency. Ends when it is killed.
enum EchoServer {
    static func run(_ address: String) throws {
        let listener = try Socket.listen(address)
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw Socket.failure("epoll_create1") }
        try watch(epoll, listener)
        print("listen=127.0.0.1:\(Socket.localPort(listener))")
        fflush(nil)
        let capacity = 64 * 1024
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
        defer { buffer.deallocate() }
        var event = epoll_event()
        while true {
            guard epoll_wait(epoll, &event, 1, -1) == 1 else { continue }
            let descriptor = Int32(truncatingIfNeeded: event.data.u64)
            if descriptor == listener {
                let accepted = accept(listener, nil, nil)
                if accepted >= 0 { try watch(epoll, accepted) }
                continue
            }
            // These sockets block: a peer that does not read stops this server, which serves one at a time.
            let count = recv(descriptor, buffer, capacity, 0)
            var sent = 0
            while sent < count {
                let written = send(descriptor, buffer + sent, count - sent, Int32(MSG_NOSIGNAL))
                if written <= 0 { break }
                sent += written
            }
            if count <= 0 || sent < count { close(descriptor) }
        }
    }

    private static func watch(_ epoll: Int32, _ descriptor: Int32) throws {
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var event = epoll_event()
        event.events = EpollBits.in
        event.data.u64 = UInt64(descriptor)
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else { throw Socket.failure("epoll_ctl") }
    }
}
