import Glibc
import LoadSupport

/// One line a millisecond on an otherwise idle server: from before its write to after the read of what it causes.
enum LatencyModes {
    private static let periodMicroseconds = 1_000
    private static let readySeconds = 10.0

    /// One client, one worker: from the submit line to the assign line.
    static func podling(_ options: Options) throws {
        var loop = try EventLoop(capacity: 2)
        for index in 0..<2 {
            try loop.add(Connection(descriptor: try Socket.connect(options.address), isWorker: index == 1))
        }
        loop.connections[1].output.append(PodlingLines.hello(worker: 0, instance: getpid()))
        loop.connections[1].output.append(PodlingLines.register(slots: options.slots))
        try loop.flush(1)
        var driver = AssignLatencyDriver(capacity: Int(options.seconds * 1_000) + 1_000)
        let readyBy = nanosecondsNow() + nanoseconds(readySeconds)
        while driver.podling.workersReady < 1 {
            _ = try loop.turn(&driver, timeoutMilliseconds: 100)
            guard nanosecondsNow() < readyBy else { throw LoadFailure("the worker was not registered") }
        }
        try measure(options, &loop, &driver)
        try loop.leave(with: PodlingLines.deregister)
    }

    /// One connection to a server that sends back what it gets.
    static func echo(_ options: Options) throws {
        var loop = try EventLoop(capacity: 1)
        try loop.add(Connection(descriptor: try Socket.connect(options.address), isWorker: false))
        var driver = EchoLatencyDriver(capacity: Int(options.seconds * 1_000) + 1_000)
        try measure(options, &loop, &driver)
    }

    private static func measure<Driver: LatencyDriver & ~Copyable>(
        _ options: Options,
        _ loop: inout EventLoop,
        _ driver: inout Driver
    ) throws {
        try loop.startTimer(microseconds: periodMicroseconds)
        let start = nanosecondsNow() + nanoseconds(options.warmUpSeconds)
        let end = start + nanoseconds(options.seconds)
        var late = 0
        var now = nanosecondsNow()
        while now < end {
            let periods = try loop.turn(&driver, timeoutMilliseconds: 100)
            now = nanosecondsNow()
            guard periods > 0 else { continue }
            // A line that is still on its way would make this one wait: then nothing is sent in this period.
            late += periods - (driver.isIdle ? 1 : 0)
            guard driver.isIdle else { continue }
            driver.send(on: loop.connections, isCounted: now >= start)
            try loop.flush(0)
        }
        guard driver.latencies.count > 0 else { throw LoadFailure("no line was answered") }
        var report = Report(mode: options.mode)
        report.add("p50_us", driver.latencies.percentileMicroseconds(0.5))
        report.add("p99_us", driver.latencies.percentileMicroseconds(0.99))
        report.add("samples", driver.latencies.count)
        report.add("periods_missed", late)
        driver.addFigures(to: &report)
        report.add("errors", 0)
        report.write()
    }
}

/// Sends one line, and knows when its effect has come.
protocol LatencyDriver: LoadDriver, ~Copyable {
    var latencies: Latencies { get }
    var isIdle: Bool { get }
    mutating func send(on client: UnsafeMutablePointer<Connection>, isCounted: Bool)
    func addFigures(to report: inout Report)
}

/// Times the `assign` that each `submit` causes.
struct AssignLatencyDriver: LatencyDriver, ~Copyable {
    private(set) var podling = PodlingDriver(verify: false, connections: 2)
    private(set) var latencies: Latencies
    private var sentAt: UInt64 = 0
    private var isCounted = false

    init(capacity: Int) { latencies = Latencies(capacity: capacity) }

    var isIdle: Bool { podling.submitted == podling.completed }

    func addFigures(to report: inout Report) { podling.addFigures(to: &report) }

    mutating func send(on client: UnsafeMutablePointer<Connection>, isCounted: Bool) {
        podling.submit(1, on: client)
        self.isCounted = isCounted
        sentAt = nanosecondsNow()
    }

    mutating func received(
        _ bytes: UnsafeRawBufferPointer,
        on connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) -> Int {
        let now = nanosecondsNow()
        let assignedBefore = podling.assigned
        let used = try podling.received(bytes, on: connection)
        if podling.assigned > assignedBefore, isCounted { latencies.add(now - sentAt) }
        return used
    }
}

/// Times a line that comes back.
struct EchoLatencyDriver: LatencyDriver, ~Copyable {
    private(set) var latencies: Latencies
    private(set) var isIdle = true
    private var sentAt: UInt64 = 0
    private var isCounted = false
    private let line = PodlingLines.submitLine() + "\n"

    init(capacity: Int) { latencies = Latencies(capacity: capacity) }

    func addFigures(to report: inout Report) {}

    mutating func send(on client: UnsafeMutablePointer<Connection>, isCounted: Bool) {
        client.pointee.output.append(line)
        isIdle = false
        self.isCounted = isCounted
        sentAt = nanosecondsNow()
    }

    mutating func received(
        _ bytes: UnsafeRawBufferPointer,
        on connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) -> Int {
        let now = nanosecondsNow()
        guard bytes.last == UInt8(ascii: "\n") else { return 0 }
        guard bytes.count == line.utf8.count, !isIdle else { throw LoadFailure("the echo is not what was sent") }
        isIdle = true
        if isCounted { latencies.add(now - sentAt) }
        return bytes.count
    }
}
