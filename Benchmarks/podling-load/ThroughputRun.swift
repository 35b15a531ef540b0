import Glibc
import LoadSupport

/// A server that takes tasks from clients, hands them to workers, and hears that they are done.
protocol ThroughputDriver: LoadDriver, ~Copyable {
    /// Tasks sent.
    var submitted: Int { get }
    /// Tasks of which every line was answered.
    var completed: Int { get }
    /// Workers whose preamble was answered.
    var workersReady: Int { get }
    /// Whether every task submitted can be waited for at the end.
    var canDrain: Bool { get }

    mutating func submit(_ count: Int, on connection: UnsafeMutablePointer<Connection>)
    /// Looks at the counters once all is done.
    func checkCounts() throws(LoadFailure)
    func addFigures(to report: inout Report)
}

/// Keeps the clients' windows full for a time and takes the figures of the middle.
struct ThroughputRun {
    private static let stallSeconds = 10.0
    private let options: Options
    private let server: ServerStatistics

    private struct Sample {
        let time = nanosecondsNow()
        let completed: Int
        let ownCPU = ServerStatistics.ownCPUSeconds()
        let serverCPU: Double
    }

    init(options: Options) throws {
        self.options = options
        server = try ServerStatistics(processID: options.serverPID, port: Socket.port(of: options.address))
    }

    /// Clients first, then workers.
    func connect() throws -> EventLoop {
        var loop = try EventLoop(capacity: options.clients + options.workers)
        let client = try options.tlsClient()
        for index in 0..<options.clients + options.workers {
            let descriptor = try Socket.connect(options.address)
            let tls = try client?.handshake(descriptor)
            try loop.add(Connection(descriptor: descriptor, isWorker: index >= options.clients, tls: tls))
        }
        return loop
    }

    func run<Driver: ThroughputDriver & ~Copyable>(_ loop: inout EventLoop, _ driver: inout Driver) throws {
        let readyBy = nanosecondsNow() + nanoseconds(Self.stallSeconds)
        for index in 0..<loop.count { try loop.flush(index) }
        while driver.workersReady < options.workers {
            _ = try loop.turn(&driver, timeoutMilliseconds: 100)
            guard nanosecondsNow() < readyBy else { throw LoadFailure("\(driver.workersReady) workers are ready") }
        }
        let (from, to) = options.tasks > 0 ? try byCount(&loop, &driver) : try byTime(&loop, &driver)
        if driver.canDrain { try drain(&loop, &driver) }
        try driver.checkCounts()
        report(from, to, driver)
    }

    private func sample<Driver: ThroughputDriver & ~Copyable>(_ driver: borrowing Driver) -> Sample {
        Sample(completed: driver.completed, serverCPU: server.cpuSeconds())
    }

    private func byTime<Driver: ThroughputDriver & ~Copyable>(
        _ loop: inout EventLoop,
        _ driver: inout Driver
    ) throws -> (Sample, Sample) {
        let start = nanosecondsNow() + nanoseconds(options.warmUpSeconds)
        try turns(&loop, &driver, tasksMax: .max) { _ in nanosecondsNow() >= start }
        let from = sample(driver)
        let end = nanosecondsNow() + nanoseconds(options.seconds)
        try turns(&loop, &driver, tasksMax: .max) { _ in nanosecondsNow() >= end }
        return (from, sample(driver))
    }

    private func byCount<Driver: ThroughputDriver & ~Copyable>(
        _ loop: inout EventLoop,
        _ driver: inout Driver
    ) throws -> (Sample, Sample) {
        let from = sample(driver)
        // Where the end cannot be waited for, the run stops a window short of it.
        let tasksMax = driver.canDrain ? options.tasks : .max
        try turns(&loop, &driver, tasksMax: tasksMax) { $0 >= options.tasks }
        return (from, sample(driver))
    }

    private func drain<Driver: ThroughputDriver & ~Copyable>(
        _ loop: inout EventLoop,
        _ driver: inout Driver
    ) throws {
        let all = driver.submitted
        try turns(&loop, &driver, tasksMax: 0) { $0 == all }
    }

    /// Turns the loop, filling the windows up to `tasksMax` tasks, until `isDone` of the number completed.
    private func turns<Driver: ThroughputDriver & ~Copyable>(
        _ loop: inout EventLoop,
        _ driver: inout Driver,
        tasksMax: Int,
        until isDone: (Int) -> Bool
    ) throws {
        var lastCompleted = driver.completed
        var progressAt = nanosecondsNow()
        while !isDone(driver.completed) {
            for index in 0..<options.clients {
                let client = loop.connections + index
                let room = min(options.backlog - (driver.submitted - driver.completed), tasksMax - driver.submitted)
                let count = min(options.window - client.pointee.unconfirmed, room)
                guard count > 0 else { continue }
                driver.submit(count, on: client)
                try loop.flush(index)
            }
            _ = try loop.turn(&driver, timeoutMilliseconds: 100)
            guard driver.completed == lastCompleted else {
                lastCompleted = driver.completed
                progressAt = nanosecondsNow()
                continue
            }
            guard nanosecondsNow() - progressAt < nanoseconds(Self.stallSeconds) else {
                throw LoadFailure(
                    "nothing for \(Self.stallSeconds) s: \(driver.submitted) submitted, \(lastCompleted) done"
                )
            }
        }
    }

    private func report<Driver: ThroughputDriver & ~Copyable>(_ from: Sample, _ to: Sample, _ driver: borrowing Driver)
    {
        let seconds = Double(to.time - from.time) / 1e9
        let tasks = Double(to.completed - from.completed)
        var report = Report(mode: options.mode)
        report.add("lifecycles_per_second", tasks / seconds)
        report.add("seconds", seconds)
        report.add("lifecycles", to.completed - from.completed)
        report.add("server_cpu_seconds", to.serverCPU - from.serverCPU)
        report.add("server_cpu_seconds_per_million", (to.serverCPU - from.serverCPU) / tasks * 1e6)
        report.add("own_cpu_seconds", to.ownCPU - from.ownCPU)
        report.add("own_cpu_seconds_per_million", (to.ownCPU - from.ownCPU) / tasks * 1e6)
        report.add("server_resident_bytes", server.residentBytes())
        driver.addFigures(to: &report)
        report.add("errors", 0)
        report.write()
    }
}
