import TestSupport

/// One worker that runs nothing: it accepts its assignments, reports them running, and after a while ended.
final class LoadWorker {
    private struct Run {
        var endsAt: ContinuousClock.Instant
        var status: String
        /// Numbers of requests that report it.
        var isReported = false
    }

    private static let slots = 60
    private static let heartbeatSeconds = 0.3
    private static let runMillisecondsMax = 400
    /// Time-out for a silent master.
    private static let silenceSeconds = 3.0

    private let name: String
    private let masters: Masters
    private let ledger: Ledger
    private let stop: StopFlag
    private var random: SplitMix64
    private var runs: [Attempt: Run] = [:]
    private var reports: [Int: (attempt: Attempt, status: String)] = [:]
    private var lastID = 0
    private var registerID = 0
    private var isRegistered = false

    init(_ name: String, _ masters: Masters, _ ledger: Ledger, _ stop: StopFlag, seed: UInt64) {
        self.stop = stop
        self.name = name
        self.masters = masters
        self.ledger = ledger
        random = SplitMix64(seed: seed)
    }

    private var isAsked: Bool { stop.isSet }

    /// Runs until it is stopped. Blocks.
    func run() throws {
        while !isAsked {
            guard let connection = Deadline.after(seconds: 0.1).poll({ masters.connect() }) else { continue }
            reports = [:]
            isRegistered = false
            for attempt in runs.keys { runs[attempt]?.isReported = false }
            do {
                try begin(connection)
                try converse(connection)
            } catch let error as Lost {
                _ = error
            }
        }
    }

    private struct Lost: Error {}

    private func send(_ connection: LineConnection, _ op: String, _ members: String = "") throws -> Int {
        lastID += 1
        let line = #"{"op":"\#(op)","id":\#(lastID)\#(members.isEmpty ? "" : ",")\#(members)}"#
        guard (try? connection.send(line: line)) != nil else { throw Lost() }
        return lastID
    }

    private func begin(_ connection: LineConnection) throws {
        _ = try send(connection, "hello", #""proto":1,"role":"worker","node":"\#(name)","instance":"i""#)
        try register(connection)
    }

    private func register(_ connection: LineConnection) throws {
        let attempts = runs.keys.map { #"{"taskId":"\#($0.task)","attempt":\#($0.number)}"# }.joined(separator: ",")
        registerID = try send(connection, "register", #""slots":\#(Self.slots),"cpu":64,"attempts":[\#(attempts)]"#)
    }

    private func converse(_ connection: LineConnection) throws {
        var nextHeartbeat = ContinuousClock.now
        var lastHeard = ContinuousClock.now
        while !isAsked {
            let now = ContinuousClock.now
            if isRegistered {
                if now >= nextHeartbeat {
                    nextHeartbeat = now + .seconds(Self.heartbeatSeconds)
                    _ = try send(connection, "heartbeat")
                }
                for (attempt, run) in runs where !run.isReported && run.endsAt <= now {
                    runs[attempt]?.isReported = true
                    try report(connection, attempt, run.status)
                }
            }
            if connection.hasLine(within: 0.02) {
                guard let line = try connection.readLine() else { return }
                lastHeard = .now
                try take(Message(line), connection)
            } else if lastHeard.duration(to: .now) > .seconds(Self.silenceSeconds) {
                return
            }
        }
    }

    private func report(_ connection: LineConnection, _ attempt: Attempt, _ status: String) throws {
        let members = #""taskId":"\#(attempt.task)","attempt":\#(attempt.number),"status":"\#(status)""#
        let id = try send(connection, "status", status == "failed" ? members + #","exitCode":3"# : members)
        reports[id] = (attempt, status)
    }

    private func take(_ message: Message, _ connection: LineConnection) throws {
        guard let id = message.reply else { return try takeEvent(message, connection) }
        if id == registerID {
            guard message.isOK else { throw Lost() }
            isRegistered = true
            for attempt in message.kill { runs[attempt] = nil }
            return
        }
        if message.code == "unregistered" {
            isRegistered = false
            return try register(connection)
        }
        guard let (attempt, status) = reports.removeValue(forKey: id) else { return }
        if message.isOK {
            guard status != "running" else { return }
            ledger.reported(attempt.task, status)
            runs[attempt] = nil
        } else if message.code == "stale_attempt" || message.code == "not_found" {
            runs[attempt] = nil
        } else {
            // Not now: it is reported again.
            runs[attempt]?.isReported = false
            runs[attempt]?.endsAt = .now + .milliseconds(200)
        }
    }

    private func takeEvent(_ message: Message, _ connection: LineConnection) throws {
        guard let task = message.task, let number = message.attempt else { return }
        let attempt = Attempt(task: task, number: number)
        switch message.event {
        case "assign":
            ledger.started(attempt)
            let milliseconds = Int.random(in: 0..<Self.runMillisecondsMax, using: &random)
            let status = Int.random(in: 0..<10, using: &random) == 0 ? "failed" : "completed"
            runs[attempt] = Run(endsAt: .now + .milliseconds(milliseconds), status: status)
            try report(connection, attempt, "running")
        case "cancel":
            guard runs[attempt]?.isReported == false else { return }
            runs[attempt]?.status = "cancelled"
            runs[attempt]?.endsAt = .now
        case "kill": runs[attempt] = nil
        default: break
        }
    }
}
