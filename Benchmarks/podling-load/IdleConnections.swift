import Glibc
import LoadSupport

/// Many connections that only say once a second that they live: what that costs the server.
struct IdleConnections {
    private static let readySeconds = 30.0
    private static let slicesPerSecond = 1_000
    /// Connections opened before what came is read.
    private static let openedPerTurn = 64

    private let options: Options
    private let server: ServerStatistics

    init(options: Options) throws {
        self.options = options
        server = try ServerStatistics(processID: options.serverPID, port: Socket.port(of: options.address))
    }

    func run() throws {
        let residentBefore = server.residentBytes()
        var loop = try EventLoop(capacity: options.connections)
        var driver = HeartbeatDriver(capacity: Int(options.seconds + 2) * options.connections)
        try open(&loop, &driver)
        let residentOpen = server.residentBytes()
        let (cpuSeconds, seconds) = try beat(&loop, &driver)
        // After the heartbeats: buffers that they made are a part of the price.
        let residentBeaten = server.residentBytes()
        try loop.leave(with: PodlingLines.deregister)
        var report = Report(mode: options.mode)
        let count = Double(options.connections)
        report.add("connections", options.connections)
        report.add("bytes_per_connection", Double(residentBeaten - residentBefore) / count)
        report.add("bytes_per_connection_opened", Double(residentOpen - residentBefore) / count)
        report.add("server_cpu_percent", cpuSeconds / seconds * 100)
        report.add("heartbeats_per_second", Double(driver.latencies.count) / seconds)
        report.add("p50_us", driver.latencies.percentileMicroseconds(0.5))
        report.add("p99_us", driver.latencies.percentileMicroseconds(0.99))
        report.add("heartbeats_late", driver.late)
        report.add("errors", 0)
        report.write()
    }

    private func open(_ loop: inout EventLoop, _ driver: inout HeartbeatDriver) throws {
        let readyBy = nanosecondsNow() + nanoseconds(Self.readySeconds)
        let client = try options.tlsClient()
        for index in 0..<options.connections {
            let descriptor = try Socket.connect(options.address)
            var connection = Connection(
                descriptor: descriptor,
                isWorker: options.role == "worker",
                outputCapacity: 512,
                tls: try client?.handshake(descriptor)
            )
            if connection.isWorker {
                connection.output.append(PodlingLines.hello(worker: index, instance: getpid()))
                connection.output.append(PodlingLines.register(slots: 1))
            } else {
                connection.output.append(PodlingLines.helloClient)
            }
            try loop.add(connection)
            try loop.flush(index)
            if index % Self.openedPerTurn == 0 { _ = try loop.turn(&driver, timeoutMilliseconds: 0) }
        }
        while driver.ready < options.connections {
            _ = try loop.turn(&driver, timeoutMilliseconds: 100)
            guard nanosecondsNow() < readyBy else {
                throw LoadFailure("\(driver.ready) of \(options.connections) connections were ready in time")
            }
        }
    }

    /// A thousandth of the connections each millisecond, for the warm-up and the measured seconds.
    private func beat(_ loop: inout EventLoop, _ driver: inout HeartbeatDriver) throws -> (cpu: Double, seconds: Double)
    {
        try loop.startTimer(microseconds: 1_000_000 / Self.slicesPerSecond)
        let start = nanosecondsNow() + nanoseconds(max(options.warmUpSeconds, 1))
        let end = start + nanoseconds(options.seconds)
        var slice = 0
        var cpuAtStart = 0.0
        var now = nanosecondsNow()
        while now < end {
            let periods = try loop.turn(&driver, timeoutMilliseconds: 100)
            now = nanosecondsNow()
            if now >= start, !driver.isCounting {
                driver.isCounting = true
                cpuAtStart = server.cpuSeconds()
            }
            for _ in 0..<periods {
                let first = slice * loop.count / Self.slicesPerSecond
                let past = (slice + 1) * loop.count / Self.slicesPerSecond
                for index in first..<past {
                    driver.send(on: loop.connections + index)
                    try loop.flush(index)
                }
                slice = (slice + 1) % Self.slicesPerSecond
            }
        }
        return (server.cpuSeconds() - cpuAtStart, Double(now - start) / 1e9)
    }
}

/// Sends heartbeats (pings for a client) and times their replies.
struct HeartbeatDriver: LoadDriver, ~Copyable {
    private static let helloReply: StaticString = #"{"re":8,"ok":"#
    private static let registerReply: StaticString = #"{"re":9,"ok":"#
    private static let heartbeatReply: StaticString = #"{"re":3,"ok":"#
    /// What a server sends that gives back what it gets.
    private static let heartbeatEcho: StaticString = #"{"op":"heartbeat""#
    private static let registerEcho: StaticString = #"{"op":"register""#
    private static let helloEcho: StaticString = #"{"op":"hello""#
    private static let heartbeat: StaticString = "{\"op\":\"heartbeat\",\"id\":3}\n"
    private static let ping: StaticString = "{\"op\":\"ping\",\"id\":3}\n"

    private(set) var ready = 0
    private(set) var latencies: Latencies
    /// Heartbeats not sent because the one before was not answered within its second.
    private(set) var late = 0
    var isCounting = false

    init(capacity: Int) { latencies = Latencies(capacity: capacity) }

    mutating func send(on connection: UnsafeMutablePointer<Connection>) {
        // The answer to the last one is still out: it will be a sample of more than a second.
        guard connection.pointee.sentAt == 0 else {
            late += 1
            return
        }
        connection.pointee.output.append(connection.pointee.isWorker ? Self.heartbeat : Self.ping)
        connection.pointee.sentAt = nanosecondsNow()
    }

    mutating func received(
        _ bytes: UnsafeRawBufferPointer,
        on connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) -> Int {
        guard var line = bytes.baseAddress else { return 0 }
        let now = nanosecondsNow()
        let start = line
        let end = line + bytes.count
        while let found = memchr(line, Int32(UInt8(ascii: "\n")), end - line) {
            let count = UnsafeRawPointer(found) - line
            if PodlingLines.starts(line, count, Self.heartbeatReply)
                || PodlingLines.starts(line, count, Self.heartbeatEcho)
            {
                if isCounting { latencies.add(now - connection.pointee.sentAt) }
                connection.pointee.sentAt = 0
            } else if PodlingLines.starts(line, count, Self.helloReply) {
                ready += connection.pointee.isWorker ? 0 : 1
            } else if PodlingLines.starts(line, count, Self.registerReply)
                || PodlingLines.starts(line, count, Self.registerEcho)
            {
                ready += 1
            } else if !PodlingLines.starts(line, count, PodlingLines.helloHead),
                !PodlingLines.starts(line, count, Self.helloEcho)
            {
                throw .unexpected(line, count, from: "an idle connection")
            }
            line += count + 1
        }
        return line - start
    }
}
