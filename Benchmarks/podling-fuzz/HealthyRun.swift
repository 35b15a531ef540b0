import Glibc
import LoadSupport
import PodlingProtocol
import Synchronization

/// What the healthy peers do, on their thread.
final class HealthyRun {
    private static let pingNanoseconds: UInt64 = 10_000_000
    private static let beatNanoseconds: UInt64 = 1_000_000_000
    /// In which every answer must come.
    private static let answerNanoseconds: UInt64 = 10_000_000_000
    private static let waitMilliseconds: Int32 = 2
    /// Above so many tasks that wait, some are cancelled.
    private static let pendingMax = 3_000
    private static let slots = 64

    private let shared: HealthyPeers
    private let pinger: HealthyLink
    private let cleaner: HealthyLink
    private let worker: HealthyLink
    private var reader = JSONReader()
    private var ping = Question()
    private var beat = Question()
    /// A page of what waits, or a cancel of what stood there.
    private var cleaning = Question()
    private var cancelsDue = 0
    private var cleaningCursor: String?

    /// Something asked, and when.
    private struct Question {
        var askedAt: UInt64?
        var lastAt: UInt64 = 0

        func isDue(_ now: UInt64, every period: UInt64) -> Bool { askedAt == nil && now - lastAt >= period }

        mutating func ask(_ now: UInt64) { (askedAt, lastAt) = (now, now) }
    }

    init(_ shared: HealthyPeers, _ address: String, _ client: TLSClient?) throws(LoadFailure) {
        self.shared = shared
        pinger = try HealthyLink(address, client)
        cleaner = try HealthyLink(address, client)
        worker = try HealthyLink(address, client)
        for link in [pinger, cleaner] { try link.send(#"{"op":"hello","id":0,"proto":1,"role":"client"}"#) }
        try worker.send(
            #"{"op":"hello","id":0,"proto":1,"role":"worker","node":"healthy-\#(getpid())","instance":"i"}"#
        )
        try worker.send(#"{"op":"register","id":1,"slots":\#(Self.slots)}"#)
    }

    /// - Returns: false at the end.
    func turn() throws(LoadFailure) -> Bool {
        let now = nanosecondsNow()
        if shared.state.withLock({ $0.isAskedToEnd }) {
            if ping.askedAt == nil, beat.askedAt == nil, cleaning.askedAt == nil {
                try worker.send(#"{"op":"deregister","id":3}"#)
                return false
            }
        } else {
            try ask(now)
        }
        HealthyLink.wait([pinger, cleaner, worker], milliseconds: Self.waitMilliseconds)
        for line in try pinger.receive() { try takePing(line) }
        for line in try cleaner.receive() { try takeCleaning(line) }
        for line in try worker.receive() { try takeWork(line) }
        for (what, question) in [("a ping", ping), ("a heartbeat", beat), ("a list or cancel", cleaning)] {
            guard let since = question.askedAt, nanosecondsNow() - since > Self.answerNanoseconds else { continue }
            throw LoadFailure("\(what) was not answered within \(Self.answerNanoseconds / 1_000_000_000) s")
        }
        return true
    }

    private func ask(_ now: UInt64) throws(LoadFailure) {
        if ping.isDue(now, every: Self.pingNanoseconds) {
            ping.ask(now)
            try pinger.send(#"{"op":"ping","id":1}"#)
        }
        if beat.isDue(now, every: Self.beatNanoseconds) {
            beat.ask(now)
            try worker.send(#"{"op":"heartbeat","id":2}"#)
        }
        if cleaning.askedAt == nil, shared.pendingTasks > Self.pendingMax {
            cleaning.ask(now)
            let place = cleaningCursor.map { #","cursor":"\#($0)""# } ?? ""
            try cleaner.send(#"{"op":"list","id":1,"status":"pending","limit":1000\#(place)}"#)
        }
    }

    private func takePing(_ line: [UInt8]) throws(LoadFailure) {
        let now = nanosecondsNow()
        let pending = try read(line) { root throws(LoadFailure) -> Int? in
            guard root["re"]?.int() == 1 else { return nil }
            return root["ok"]?["tasks"]?["pending"]?.int() ?? 0
        }
        guard let pending, let asked = ping.askedAt else { return }
        ping.askedAt = nil
        shared.state.withLock { state in
            state.pings.add(now - asked)
            state.pending = pending
        }
    }

    private func takeCleaning(_ line: [UInt8]) throws(LoadFailure) {
        let (reply, tasks, cursor) = try read(line) { root throws(LoadFailure) -> (Int?, [String], String?) in
            let tasks = root["ok"]?["tasks"]?.elements.compactMap { $0["taskId"]?.string() } ?? []
            return (root["re"]?.int(), tasks, root["ok"]?["cursor"]?.string())
        }
        if reply == 1 {
            // A page may be empty: those that wait may stand behind many that have ended.
            cleaningCursor = cursor
            cancelsDue = tasks.count
            for task in tasks { try cleaner.send(#"{"op":"cancel","id":2,"taskId":"\#(task)"}"#) }
            cleaning.ask(nanosecondsNow())
        } else if reply == 2 {
            cancelsDue -= 1
            shared.state.withLock { $0.cancelled += 1 }
        } else {
            return
        }
        if cancelsDue == 0 { cleaning.askedAt = nil }
    }

    private func takeWork(_ line: [UInt8]) throws(LoadFailure) {
        enum Heard {
            case registered, beaten, nothing
            case assigned(String, Int)
        }
        let heard = try read(line) { root throws(LoadFailure) -> Heard in
            if let reply = root["re"]?.int() {
                let code = root["err"]?["code"]?.string()
                // A report may come too late for a task that was cancelled.
                if let code, reply != 4 {
                    throw LoadFailure("the healthy worker was told \(code): \(Self.shown(line))")
                }
                if code == "unregistered" { throw LoadFailure("the healthy node has lost its lease") }
                return reply == 1 ? .registered : reply == 2 ? .beaten : .nothing
            }
            guard root["ev"]?.stringEquals("assign") == true, let task = root["taskId"]?.string() else {
                return .nothing
            }
            return .assigned(task, root["attempt"]?.int() ?? 0)
        }
        switch heard {
        case .registered: shared.state.withLock { $0.isReady = true }
        case .beaten:
            beat.askedAt = nil
            shared.state.withLock { $0.beats += 1 }
        case .assigned(let task, let attempt):
            shared.state.withLock { $0.tasksRun += 1 }
            let members = #""taskId":"\#(task)","attempt":\#(attempt)"#
            try worker.send(#"{"op":"status","id":4,\#(members),"status":"completed","exitCode":0}"#)
        case .nothing: break
        }
    }

    private func read<Value>(
        _ line: [UInt8],
        _ body: (JSONValue) throws(LoadFailure) -> Value
    ) throws(LoadFailure) -> Value {
        do {
            return try line.withUnsafeBytes { bytes in try body(try reader.parse(bytes).root) }
        } catch let failure as LoadFailure {
            throw failure
        } catch {
            throw LoadFailure("a healthy peer was sent what is not JSON: \(Self.shown(line))")
        }
    }

    private static func shown(_ line: [UInt8]) -> String {
        let shownBytesMax = 300
        return String(decoding: line.prefix(shownBytesMax), as: UTF8.self)
    }
}
