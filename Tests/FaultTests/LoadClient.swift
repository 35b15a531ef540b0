import TestSupport

/// One client: submits, now and then gets and cancels, and records the outcome in the ledger.
final class LoadClient {
    private enum Operation {
        case submit(String)
        case get(String)
        case cancel(String)
    }

    private static let windowMax = 12
    private static let millisecondsBetweenLines = 8
    /// Time-out for a silent master.
    private static let silenceSeconds = 5.0

    private let number: Int
    private let masters: Masters
    private let ledger: Ledger
    private let stop: StopFlag
    private var random: SplitMix64
    private var submitted = 0
    private var lastID = 0
    private var waiting: [Int: Operation] = [:]
    private var again: [String] = []
    private var known: [String] = []

    init(_ number: Int, _ masters: Masters, _ ledger: Ledger, _ stop: StopFlag, seed: UInt64) {
        self.stop = stop
        self.number = number
        self.masters = masters
        self.ledger = ledger
        random = SplitMix64(seed: seed &+ UInt64(number))
    }

    private var isAsked: Bool { stop.isSet }

    /// Runs until it is stopped and nothing is outstanding. Blocks.
    func run() throws {
        while !(isAsked && again.isEmpty) {
            guard let connection = Deadline.after(seconds: 0.1).poll({ masters.connect() }) else {
                if isAsked, Deadline.after(seconds: 60).poll({ masters.connect() }) == nil { return }
                continue
            }
            try converse(connection)
            lose()
            if isAsked { break }
        }
    }

    /// Sends and reads until the connection ends, or all is answered after `stop`.
    private func converse(_ connection: LineConnection) throws {
        var nextSend = ContinuousClock.now
        var lastAnswer = ContinuousClock.now
        while true {
            let now = ContinuousClock.now
            if waiting.isEmpty { lastAnswer = now }
            let isDone = isAsked && again.isEmpty
            if isDone, waiting.isEmpty { return }
            if !isDone, waiting.count < Self.windowMax, now >= nextSend {
                nextSend = now + .milliseconds(Self.millisecondsBetweenLines)
                guard (try? connection.send(line: request())) != nil else { return }
            }
            let isFull = isDone || waiting.count >= Self.windowMax
            let seconds = isFull ? 0.05 : max(0, ContinuousClock.now.duration(to: nextSend) / .seconds(1))
            if connection.hasLine(within: seconds) {
                guard let line = try connection.readLine() else { return }
                guard try take(Message(line)) else { return }
                lastAnswer = .now
            } else if lastAnswer.duration(to: .now) > .seconds(Self.silenceSeconds) {
                return
            }
        }
    }

    private func request() -> String {
        lastID += 1
        let dice = Int.random(in: 0..<100, using: &random)
        if dice < 5, let task = known.randomElement(using: &random) {
            waiting[lastID] = .get(task)
            return #"{"op":"get","id":\#(lastID),"taskId":"\#(task)"}"#
        }
        if dice < 8, let task = known.randomElement(using: &random) {
            waiting[lastID] = .cancel(task)
            return #"{"op":"cancel","id":\#(lastID),"taskId":"\#(task)"}"#
        }
        let name = again.popLast() ?? fresh()
        waiting[lastID] = .submit(name)
        return #"{"op":"submit","id":\#(lastID),"name":"\#(name)","image":"i","maxAttempts":100,"#
            + #""idempotencyKey":"\#(name)"}"#
    }

    private func fresh() -> String {
        submitted += 1
        let name = "c\(number)-\(submitted)"
        ledger.attempted(name)
        return name
    }

    /// - Returns: false where this master is of no more use.
    private func take(_ message: Message) throws -> Bool {
        guard let id = message.reply else { return message.event != "drain" && message.event != "error" }
        guard let operation = waiting.removeValue(forKey: id) else {
            throw TestSupportError("an answer to nothing: \(id)")
        }
        switch operation {
        case .submit(let name):
            if message.isOK, let task = message.task {
                ledger.acknowledged(name, as: task)
                known.append(task)
            } else {
                ledger.refused(name)
            }
        case .get(let task), .cancel(let task):
            if message.isOK, let status = message.status {
                if ["completed", "failed", "cancelled"].contains(status) { ledger.ended(task, status) }
            } else if message.code == "not_found" {
                ledger.missing(task)
            }
        }
        return message.code != "not_leader" && message.code != "draining"
    }

    /// The outcome of unanswered requests is unknown; half of them are retried, with the same idempotency key.
    private func lose() {
        for case .submit(let name) in waiting.values {
            ledger.ambiguous(name)
            if Bool.random(using: &random), !isAsked { again.append(name) }
        }
        waiting = [:]
    }
}
