import Glibc
import LoadSupport

/// The three servers that a lifecycle can be measured on.
enum ThroughputModes {
    static func podling(_ options: Options) throws {
        let run = try ThroughputRun(options: options)
        var loop = try run.connect()
        var driver = PodlingDriver(verify: options.verify, connections: loop.count)
        for index in options.clients..<loop.count {
            loop.connections[index].output.append(PodlingLines.hello(worker: index, instance: getpid()))
            loop.connections[index].output.append(PodlingLines.register(slots: options.slots))
        }
        try run.run(&loop, &driver)
        try loop.leave(with: PodlingLines.deregister)
    }

    static func beanstalkd(_ options: Options) throws {
        let run = try ThroughputRun(options: options)
        var loop = try run.connect()
        var driver = BeanstalkdDriver(workers: options.workers)
        // A tube of its own, so that nothing is found that an earlier run left.
        for index in 0..<options.clients { loop.connections[index].output.append("use load-\(getpid())\r\n") }
        for index in options.clients..<loop.count {
            loop.connections[index].output.append("watch load-\(getpid())\r\nignore default\r\n")
            for _ in 0..<options.slots { loop.connections[index].output.append(BeanstalkdDriver.reserve) }
        }
        try run.run(&loop, &driver)
    }

    static func redisStreams(_ options: Options) throws {
        let run = try ThroughputRun(options: options)
        try prepareRedis(options.address)
        var loop = try run.connect()
        var driver = RedisStreamsDriver(workers: options.workers, slots: options.slots)
        for index in options.clients..<loop.count {
            loop.connections[index].output.append(driver.read(loop.connections[index].descriptor))
        }
        try run.run(&loop, &driver)
    }

    private static func prepareRedis(_ address: String) throws {
        let descriptor = try Socket.connect(address)
        defer { close(descriptor) }
        var output = OutputBuffer(capacity: 1_024)
        output.append(RedisStreamsDriver.prepare)
        guard try output.write(to: descriptor) else { throw LoadFailure("Redis does not read") }
        var answer: [UInt8] = []
        let deadline = nanosecondsNow() + nanoseconds(5)
        while !answer.ends(with: Array("+OK\r\n".utf8)) {
            guard nanosecondsNow() < deadline else {
                throw LoadFailure("Redis did not make the stream: \(String(decoding: answer, as: UTF8.self))")
            }
            var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&readable, 1, 1_000) > 0 else { continue }
            answer += [UInt8](unsafeUninitializedCapacity: 256) { buffer, count in
                count = max(0, recv(descriptor, buffer.baseAddress, 256, 0))
            }
        }
    }
}

extension [UInt8] {
    fileprivate func ends(with suffix: [UInt8]) -> Bool {
        count >= suffix.count && Array(self.suffix(suffix.count)) == suffix
    }
}
