import FoundationEssentials
import Logging
import PodlingCore
import PodlingProtocol
import PodlingStore
import TestSupport
import Testing

@testable import PodlingPostgres

/// Random histories from a seed, of a master that keeps everything in memory and of one that keeps it in PostgreSQL and
/// is restarted in the middle: their replies are equal, and the database has what the model holds.
@Suite(.serialized, .enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10)))
struct ModelTests {
    private static let length = 120

    private static func history(_ seed: UInt64) -> [Happening] {
        var random = SplitMix64(seed: seed)
        return (0..<length).map { _ in Happening.random(using: &random) } + [.restart, .list(variant: 0)]
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func theDatabaseIsAsGoodAsMemory(seed: UInt64) async throws {
        let database = try Database()
        let history = Self.history(seed)
        guard try await Comparison.fault(history, database) != nil else { return }
        let short = try await shrunk(history) { try await Comparison.fault($0, database) != nil }
        let why = try await Comparison.fault(short, database) ?? "it fails no more"
        Issue.record("seed \(seed): \(short.map(\.description).joined(separator: " ")): \(why)")
    }

    /// A test of the test: it finds a store that loses cancels, and shrinks the history.
    @Test func aFaultyStoreIsFoundAndItsHistoryIsShort() async throws {
        let database = try Database()
        let isFaulty: @Sendable (TaskRow) -> Bool = { $0.status == .cancelled }
        let history = Self.history(1)
        #expect(try await Comparison.fault(history, database, losing: isFaulty) != nil)
        let short = try await shrunk(history) { try await Comparison.fault($0, database, losing: isFaulty) != nil }
        // A submit, a cancel, and the restart that shows it.
        #expect(short.count <= 4, "\(short)")
    }
}

/// A model and a subject that receive the same events.
private struct Comparison: ~Copyable {
    private static let client = SessionID(slot: 0, generation: 1)

    private let database: Database
    private let isLost: @Sendable (TaskRow) -> Bool
    private var model: ModelWorld
    private var subject: ModelWorld
    private var store: PostgresStore
    private var writes: [Task<Void, any Error>] = []
    private var tasks: [String] = []
    private var held: [[(task: String, attempt: Int)]] = Array(repeating: [], count: Happening.workerCount + 1)
    /// And not yet accepted.
    private var assigned: [(worker: Int, task: String, attempt: Int)] = []
    private var generation: UInt32 = 1
    private var sessions: [SessionID?] = Array(repeating: nil, count: Happening.workerCount + 1)

    /// - Parameter losing: rows that the store does not get.
    /// - Returns: where model and subject part; nil where they do not.
    static func fault(
        _ history: [Happening],
        _ database: Database,
        losing: @escaping @Sendable (TaskRow) -> Bool = { _ in false }
    ) async throws -> String? {
        let store = try await open(database)
        try database.connect().executeScript("TRUNCATE tasks, task_history, nodes")
        var comparison = Comparison(database, store, losing)
        for (index, happening) in history.enumerated() {
            if let fault = try await comparison.apply(happening) {
                await comparison.store.close()
                return "after \(index + 1), \(happening): \(fault)"
            }
        }
        for write in comparison.writes { try await write.value }
        await comparison.store.close()
        return nil
    }

    private init(_ database: Database, _ store: PostgresStore, _ isLost: @escaping @Sendable (TaskRow) -> Bool) {
        (self.database, self.store, self.isLost) = (database, store, isLost)
        let now = Tick(wall: Int64(Date().timeIntervalSince1970) * 1_000, monotonic: 1_000_000)
        model = ModelWorld(now: now)
        subject = ModelWorld(now: now)
        connect(Self.client)
    }

    private static func open(_ database: Database) async throws -> PostgresStore {
        let store = try await PostgresStore.open(url: database.url, name: "test", logger: Logger(label: "test"))
        await store.isLeading()
        return store
    }

    private mutating func connect(_ session: SessionID) {
        model.connect(session)
        subject.connect(session)
    }

    private mutating func send(_ line: String, from session: SessionID) {
        model.send(line, from: session)
        subject.send(line, from: session)
    }

    // MARK: What happens

    private mutating func apply(_ happening: Happening) async throws -> String? {
        if case .restart = happening {
            // Those that were placed before are taken up by their ids, not in the order in which they came back.
            let again = model.rows().count { $0.status == .pending && $0.attempt > 0 }
            guard again < 2 else { return nil }
            if let fault = try await restart() { return fault }
        } else {
            act(happening)
        }
        return settle()
    }

    /// Until no worker has anything to accept.
    private mutating func settle() -> String? {
        while true {
            if let fault = compare() { return fault }
            keep()
            guard !assigned.isEmpty else { return nil }
            let accepted = assigned
            assigned = []
            for one in accepted {
                guard let session = sessions[one.worker] else { continue }
                send(#"{"op":"accept","id":1,"taskId":"\#(one.task)","attempt":\#(one.attempt)}"#, from: session)
            }
        }
    }

    private mutating func act(_ happening: Happening) {
        switch happening {
        case .submit(let variant): send(submit(variant), from: Self.client)
        case .submitMany(let count):
            let specs = (0..<count).map { #"{"name":"m-\#($0)","image":"busybox"}"# }.joined(separator: ",")
            send(#"{"op":"submit_many","id":1,"tasks":[\#(specs)]}"#, from: Self.client)
        case .cancel(let task): aboutTask("cancel", task)
        case .get(let task): aboutTask("get", task)
        case .list(let variant):
            send(#"{"op":"list","id":1,"limit":1000\#(Happening.lists[variant])}"#, from: Self.client)
        case .register(let worker): register(worker)
        case .drop(let worker): drop(worker)
        case .drain(let worker, let isOn):
            send(#"{"op":"drain","id":1,"nodeId":"n\#(worker)","on":\#(isOn)}"#, from: Self.client)
        case .report(let worker, let attempt, let status):
            aboutAttempt(worker, attempt, "status", #","status":"\#(Happening.statuses[status])""#)
        case .reject(let worker, let attempt): aboutAttempt(worker, attempt, "reject", "")
        case .advance(let milliseconds):
            for case let session? in sessions { send(#"{"op":"heartbeat","id":1}"#, from: session) }
            model.advance(milliseconds: milliseconds)
            subject.advance(milliseconds: milliseconds)
        case .restart: break
        }
    }

    private func submit(_ variant: Int) -> String {
        let spec = Happening.specs[variant]
        let name = spec.contains("idempotencyKey") ? "same" : "t-\(tasks.count)"
        return #"{"op":"submit","id":1,"name":"\#(name)","image":"busybox"\#(spec)}"#
    }

    private mutating func aboutTask(_ op: String, _ number: Int) {
        guard !tasks.isEmpty else { return }
        send(#"{"op":"\#(op)","id":1,"taskId":"\#(tasks[number % tasks.count])"}"#, from: Self.client)
    }

    private mutating func aboutAttempt(_ worker: Int, _ number: Int, _ op: String, _ more: String) {
        guard let session = sessions[worker], !held[worker].isEmpty else { return }
        let index = number % held[worker].count
        let one = held[worker][index]
        send(#"{"op":"\#(op)","id":1,"taskId":"\#(one.task)","attempt":\#(one.attempt)\#(more)}"#, from: session)
        if ["completed", "failed", "cancelled"].contains(where: { more.contains($0) }) || op == "reject" {
            held[worker].remove(at: index)
        }
    }

    private mutating func register(_ worker: Int) {
        drop(worker)
        generation += 1
        let session = SessionID(slot: worker, generation: generation)
        sessions[worker] = session
        connect(session)
        let attempts = held[worker].map { #"{"taskId":"\#($0.task)","attempt":\#($0.attempt)}"# }.joined(separator: ",")
        send(#"{"op":"hello","proto":1,"role":"worker","node":"n\#(worker)","instance":"i"}"#, from: session)
        let offer = #""slots":3,"cpu":4,"labels":{"zone":"n\#(worker)"},"attempts":[\#(attempts)]"#
        send(#"{"op":"register","id":1,\#(offer)}"#, from: session)
    }

    private mutating func drop(_ worker: Int) {
        guard let session = sessions[worker] else { return }
        sessions[worker] = nil
        model.disconnect(session)
        subject.disconnect(session)
    }

    /// The subject forgets all but what its store kept; then all workers come back, to either.
    private mutating func restart() async throws -> String? {
        keep()
        for write in writes { try await write.value }
        writes = []
        await store.close()
        store = try await Self.open(database)
        let loaded = Loaded()
        try await store.load { await loaded.add($0) }
        let kept = await loaded.kept
        if let fault = Self.difference(model.rows(), kept.flatMap(\.tasks)) { return fault }
        subject = ModelWorld(now: model.now, kept: kept)
        model.disconnectAll()
        model.leadAgain()
        // A hold after a rejection is not kept over a restart; both begin without one.
        model.advance(milliseconds: ModelWorld.rejectHoldMilliseconds)
        subject.advance(milliseconds: ModelWorld.rejectHoldMilliseconds)
        sessions = Array(repeating: nil, count: sessions.count)
        generation += 1
        connect(Self.client)
        for worker in 1...Happening.workerCount { register(worker) }
        // Until no grace is left over from the start.
        for _ in 0..<8 {
            if let fault = settle() { return fault }
            act(.advance(milliseconds: 2 * ModelWorld.leaseMilliseconds / 7))
        }
        return nil
    }

    private actor Loaded {
        var kept: [StoreBatch] = []
        func add(_ more: StoreBatch) { kept.append(more) }
    }

    // MARK: What came of it

    /// Hands the subject's changes to its store; they wait there for company.
    private mutating func keep() {
        _ = model.takeChanges()
        guard subject.hasChanges else { return }
        var batch = subject.takeChanges()
        batch.tasks.removeAll(where: isLost)
        let store = store
        let handed = AsyncStream.makeStream(of: Result<Void, StoreError>.self)
        _ = store.commit(batch) { handed.continuation.yield($0) }
        writes.append(
            Task {
                for await result in handed.stream {
                    try result.get()
                    return
                }
            }
        )
    }

    private static func difference(_ held: [TaskRow], _ kept: [TaskRow]) -> String? {
        if let index = zip(held, kept).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset {
            return "the core holds \(held[index]), the database has \(kept[index])"
        }
        return held.count == kept.count ? nil : "the core holds \(held.count) tasks, the database has \(kept.count)"
    }

    private mutating func compare() -> String? {
        let (wanted, found) = (model.take().mapValues(Self.ordered), subject.take().mapValues(Self.ordered))
        learn(wanted)
        for slot in Set(wanted.keys).union(found.keys).sorted() where wanted[slot] != found[slot] {
            let pairs = zip(wanted[slot] ?? [], found[slot] ?? []).first { $0 != $1 }
            return "session \(slot): in memory \(pairs?.0 ?? "\(wanted[slot] ?? [])"), "
                + "with PostgreSQL \(pairs?.1 ?? "\(found[slot] ?? [])")"
        }
        return nil
    }

    /// The order in which several cancels are repeated to a node is not defined.
    private static func ordered(_ lines: [String]) -> [String] {
        let isCancel = { (line: String) in line.hasPrefix(#"{"ev":"cancel""#) }
        return lines.filter { !isCancel($0) } + lines.filter(isCancel).sorted()
    }

    /// Workers take what they are assigned, and clients remember what they submitted.
    private mutating func learn(_ lines: [Int: [String]]) {
        for (slot, lines) in lines.sorted(by: { $0.key < $1.key }) {
            for line in lines {
                var reader = JSONReader()
                Array(line.utf8).withUnsafeBytes { bytes in
                    guard let root = try? reader.parse(bytes).root else { return }
                    if let task = root["ok"]?["taskId"]?.string(), !tasks.contains(task) { tasks.append(task) }
                    guard let task = root["taskId"]?.string(), let attempt = root["attempt"]?.int() else { return }
                    switch root["ev"]?.string() {
                    case "assign":
                        held[Int(slot)].append((task, attempt))
                        assigned.append((Int(slot), task, attempt))
                    case "kill": held[Int(slot)].removeAll { $0.task == task && $0.attempt == attempt }
                    default: break
                    }
                }
            }
        }
    }
}
