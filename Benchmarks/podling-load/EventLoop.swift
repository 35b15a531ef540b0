import CEpoll
import COpenSSL
import Glibc
import LoadSupport

/// What a mode does with the bytes that come.
protocol LoadDriver: ~Copyable {
    /// Takes the whole messages off the front of `bytes`, and returns how many bytes they were.
    mutating func received(
        _ bytes: UnsafeRawBufferPointer,
        on connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) -> Int
}

/// Level-triggered epoll over connections that stay until the end, in one thread.
struct EventLoop: ~Copyable {
    private static let eventsMax = 512
    private static let timerKey: UInt64 = .max

    private(set) var count = 0
    let connections: UnsafeMutablePointer<Connection>
    private let capacity: Int
    private let epoll: Int32
    private var events: UnsafeMutablePointer<epoll_event>
    private var buffer = ReadBuffer()
    private var timer: Int32 = -1

    init(capacity: Int) throws(LoadFailure) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        self.capacity = capacity
        connections = .allocate(capacity: max(1, capacity))
        events = .allocate(capacity: Self.eventsMax)
        guard epoll >= 0 else { throw Socket.failure("epoll_create1") }
    }

    mutating func add(_ connection: Connection) throws(LoadFailure) {
        guard count < capacity else { throw LoadFailure("more than \(capacity) connections") }
        try control(EPOLL_CTL_ADD, connection.descriptor, key: UInt64(count), isWriting: false)
        (connections + count).initialize(to: connection)
        count += 1
    }

    deinit {
        for index in 0..<count { close(connections[index].descriptor) }
        close(epoll)
        if timer >= 0 { close(timer) }
        connections.deallocate()
        events.deallocate()
    }

    /// From now on `turn` returns at least every `microseconds`, with the number of periods gone by.
    mutating func startTimer(microseconds: Int) throws(LoadFailure) {
        timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK))
        let period = timespec(tv_sec: microseconds / 1_000_000, tv_nsec: microseconds % 1_000_000 * 1_000)
        var setting = itimerspec(it_interval: period, it_value: period)
        guard timer >= 0, timerfd_settime(timer, 0, &setting, nil) == 0 else { throw Socket.failure("timerfd") }
        try control(EPOLL_CTL_ADD, timer, key: Self.timerKey, isWriting: false)
    }

    /// Waits, reads what is there into the driver, and writes what the driver appended to those connections.
    ///
    /// - Returns: periods of the timer that have gone by.
    mutating func turn<Driver: LoadDriver & ~Copyable>(
        _ driver: inout Driver,
        timeoutMilliseconds: Int32
    ) throws(LoadFailure) -> Int {
        let ready = epoll_wait(epoll, events, Int32(Self.eventsMax), timeoutMilliseconds)
        guard ready >= 0 || errno == EINTR else { throw Socket.failure("epoll_wait") }
        var periods = 0
        for index in 0..<max(0, Int(ready)) {
            let event = events[index]
            if event.data.u64 == Self.timerKey {
                var expirations: UInt64 = 0
                if Glibc.read(timer, &expirations, 8) == 8 { periods += Int(expirations) }
                continue
            }
            let connection = connections + Int(event.data.u64)
            if event.events & ~EpollBits.out > 0 {
                try buffer.read(connection) { bytes throws(LoadFailure) in try driver.received(bytes, on: connection) }
            }
        }
        // All reads before all writes: a server woken by the first write then finds the others there too.
        for index in 0..<max(0, Int(ready)) where events[index].data.u64 != Self.timerKey {
            try flush(Int(events[index].data.u64))
        }
        return periods
    }

    /// Writes what is due on one connection; the rest goes when the socket has room.
    @inline(__always)
    mutating func flush(_ index: Int) throws(LoadFailure) {
        let connection = connections + index
        guard !connection.pointee.output.isEmpty else { return }
        let isDone = try connection.pointee.output.write(to: connection.pointee.descriptor, connection.pointee.tls)
        guard isDone == connection.pointee.isWaitingToWrite else { return }
        connection.pointee.isWaitingToWrite = !isDone
        try control(EPOLL_CTL_MOD, connection.pointee.descriptor, key: UInt64(index), isWriting: !isDone)
    }

    /// Says one last line on every worker's connection; its answer is not waited for.
    mutating func leave(with line: StaticString) throws(LoadFailure) {
        for index in 0..<count where connections[index].isWorker {
            connections[index].output.append(line)
            try flush(index)
            if let tls = connections[index].tls { SSL_shutdown(tls) }
            shutdown(connections[index].descriptor, Int32(SHUT_WR))
        }
    }

    private func control(_ operation: Int32, _ descriptor: Int32, key: UInt64, isWriting: Bool) throws(LoadFailure) {
        var event = epoll_event()
        event.events = EpollBits.in | (isWriting ? EpollBits.out : 0)
        event.data.u64 = key
        guard epoll_ctl(epoll, operation, descriptor, &event) == 0 else { throw Socket.failure("epoll_ctl") }
    }
}
