import Glibc
import LoadSupport

/// A client that pings once a millisecond, alone or beside one that pipelines the same request without end, on a master
/// that holds tasks.
struct PingLatency {
    private static let periodMicroseconds = 1_000
    private static let periodNanoseconds: UInt64 = 1_000_000
    private static let readySeconds = 60.0
    private static let tasksHeld = 20_000
    private static let batch = 1_000
    private static let floodBytes = 64 * 1024
    private static let floodChunksPerTurn = 16

    /// What the name of the mode goes on with, and the request; nothing is the ping alone.
    static let floods = [
        "": "",
        "-beside-label-lists": #"{"op":"list","labels":{"a":"b"}}"#,
        "-beside-lists": #"{"op":"list"}"#,
        "-beside-gets": #"{"op":"get","taskId":"nope"}"#,
        "-beside-watches": #"{"op":"watch"}"# + "\n" + #"{"op":"unsubscribe","sub":1}"#,
        "-beside-refused-batches": refusedBatch,
    ]

    private static let refusedBatch: String = {
        let tasks = Array(repeating: #"{"name":"a","image":"busybox"}"#, count: batch - 1)
        return #"{"op":"submit_many","tasks":["# + (tasks + [#"{"name":"a"}"#]).joined(separator: ",") + "]}"
    }()

    private let options: Options
    private let flood: String

    init(options: Options, flood: String) {
        self.options = options
        self.flood = flood
    }

    func run() throws {
        var loop = try EventLoop(capacity: 2)
        for _ in 0..<2 {
            try loop.add(Connection(descriptor: try Socket.connect(options.address), isWorker: false))
            loop.connections[loop.count - 1].output.append(PodlingLines.helloClient)
        }
        var driver = PingDriver(pinger: loop.connections[0].descriptor, period: Self.periodNanoseconds)
        try fill(&loop, &driver)
        try loop.startTimer(microseconds: Self.periodMicroseconds)
        let start = nanosecondsNow() + nanoseconds(options.warmUpSeconds)
        let end = start + nanoseconds(options.seconds)
        let chunk = flood.isEmpty ? "" : Self.chunk(of: flood)
        var now = nanosecondsNow()
        while now < end {
            if !chunk.isEmpty { try pour(chunk, into: &loop) }
            let periods = try loop.turn(&driver, timeoutMilliseconds: 100)
            now = nanosecondsNow()
            guard periods > 0, driver.isIdle else { continue }
            driver.send(on: loop.connections, isCounted: now >= start)
            try loop.flush(0)
        }
        // One that was never answered took at least so long.
        driver.answered(nanosecondsNow())
        var report = Report(mode: options.mode)
        report.add("p50_us", driver.latencies.percentileMicroseconds(0.5))
        report.add("p99_us", driver.latencies.percentileMicroseconds(0.99))
        report.add("max_us", driver.latencies.percentileMicroseconds(1))
        report.add("samples", driver.latencies.count)
        report.add("flood_answers", driver.otherLines)
        report.write()
    }

    private static func chunk(of line: String) -> String {
        String(repeating: line + "\n", count: max(1, floodBytes / (line.utf8.count + 1)))
    }

    private func pour(_ chunk: String, into loop: inout EventLoop) throws {
        for _ in 0..<Self.floodChunksPerTurn where loop.connections[1].output.isEmpty {
            loop.connections[1].output.append(chunk)
            try loop.flush(1)
        }
    }

    private func fill(_ loop: inout EventLoop, _ driver: inout PingDriver) throws {
        let spec = #"{"name":"held","image":"busybox","labels":{"team":"a","stage":"production"}}"#
        let tasks = Array(repeating: spec, count: Self.batch).joined(separator: ",")
        let batches = Self.tasksHeld / Self.batch
        for _ in 0..<batches { loop.connections[1].output.append(#"{"op":"submit_many","tasks":["# + tasks + "]}\n") }
        for index in 0..<2 { try loop.flush(index) }
        let readyBy = nanosecondsNow() + nanoseconds(Self.readySeconds)
        // The greeting and the answer to hello come first, the former on the other connection as well.
        while driver.otherLines < batches + 2 || driver.ownLines < 2 {
            _ = try loop.turn(&driver, timeoutMilliseconds: 100)
            guard nanosecondsNow() < readyBy else { throw LoadFailure("\(driver.otherLines) batches were answered") }
        }
    }
}

/// Times pings on the first connection; counts the lines of the other.
private struct PingDriver: LoadDriver, ~Copyable {
    private static let pingReply: StaticString = #"{"re":7,"ok":"#
    private static let ping: StaticString = "{\"op\":\"ping\",\"id\":7}\n"

    private(set) var latencies = Latencies(capacity: 100_000)
    private(set) var isIdle = true
    private(set) var ownLines = 0
    private(set) var otherLines = 0
    private var sentAt: UInt64 = 0
    private var isCounted = false
    private let pinger: Int32
    private let period: UInt64

    init(pinger: Int32, period: UInt64) {
        self.pinger = pinger
        self.period = period
    }

    mutating func send(on connection: UnsafeMutablePointer<Connection>, isCounted: Bool) {
        connection.pointee.output.append(Self.ping)
        isIdle = false
        self.isCounted = isCounted
        sentAt = nanosecondsNow()
    }

    /// Those that were due while this one was on its way would have come back with it.
    mutating func answered(_ now: UInt64) {
        guard !isIdle else { return }
        isIdle = true
        guard isCounted else { return }
        var took = now - sentAt
        latencies.add(took)
        while took > period {
            took -= period
            latencies.add(took)
        }
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
            if connection.pointee.descriptor != pinger {
                otherLines += 1
            } else if PodlingLines.starts(line, count, Self.pingReply) {
                answered(now)
            } else {
                ownLines += 1
            }
            line += count + 1
        }
        return line - start
    }
}
