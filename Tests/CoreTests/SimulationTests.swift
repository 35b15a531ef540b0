import PodlingProtocol
import TestSupport
import Testing

@testable import PodlingCore

/// Random histories of clients, workers and time, under a seed: after each step all that must always hold is checked.
@Suite struct SimulationTests {
    @Test(arguments: 1...24)
    func invariantsHold(seed: UInt64) {
        var simulation = Simulation(seed: seed)
        for _ in 0..<600 {
            simulation.step()
            if let fault = simulation.fault() {
                Issue.record("seed \(seed): \(fault)")
                return
            }
        }
        simulation.drain()
        #expect(simulation.fault() == nil)
        #expect(simulation.liveCount == 0)
        #expect(RecordedTranscript(simulation.transcript) == RecordedTranscript.bySeed[Int(seed) - 1])
    }

    @Test(arguments: 100...107)
    func theChangesAddUpToTheState(seed: UInt64) {
        var simulation = Simulation(seed: seed)
        for _ in 0..<400 { simulation.step() }
        #expect(simulation.storeFault() == nil)
        #expect(simulation.rows.count > 20)
    }

    @Test func theSameCallsGiveTheSameBytes() {
        var first = Simulation(seed: 42)
        var second = Simulation(seed: 42)
        for _ in 0..<400 {
            first.step()
            second.step()
        }
        #expect(first.transcript == second.transcript)
        #expect(first.transcript.count > 10_000)
    }
}

/// The world round a core: it knows what each worker believes it has.
private struct Simulation: ~Copyable {
    struct Attempt: Hashable {
        var task: String
        var number: Int
    }

    private static let workerCount = 4
    private var random: SplitMix64
    private var harness = CoreHarness {
        $0.finishedTasksMax = 50
        $0.eventsKeptMax = 64
    }
    private let client = CoreHarness.session(0)
    private var tasks: [String] = []
    private var held: [[Attempt]] = Array(repeating: [], count: workerCount + 1)
    private var connected = Array(repeating: false, count: workerCount + 1)
    private var generation: [UInt32] = Array(repeating: 0, count: workerCount + 1)
    private var holders: [Attempt: Int] = [:]
    private var ends: [TaskID: TaskStatus] = [:]
    private var doubled: Attempt?
    /// What a store would hold.
    private(set) var rows: [TaskID: TaskRow] = [:]
    private var forgottenUpTo: Int64 = 0

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        harness.open(client)
        harness.send(#"{"op":"watch"}"#, from: client)
    }

    var transcript: [UInt8] { harness.transcript }
    var liveCount: Int { harness.core.tasks.liveCount }

    private func session(_ worker: Int) -> SessionID { CoreHarness.session(worker, generation[worker]) }

    mutating func step() {
        let worker = Int.random(in: 1...Self.workerCount, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<25: submit()
        case 25..<32: cancel()
        case 32..<40: connect(worker)
        case 40..<44: drop(worker)
        case 44..<78: report(worker)
        case 78..<88: heartbeat(worker)
        case 88..<91:
            harness.send(#"{"op":"drain","nodeId":"n\#(worker)","on":\#(Bool.random(using: &random))}"#, from: client)
        case 91..<93: harness.backedUp(client, Bool.random(using: &random))
        default: harness.advance(milliseconds: Int64.random(in: 1...8_000, using: &random))
        }
        receive()
        store()
    }

    private mutating func store() {
        let batch = harness.core.takeChanges()
        for var row in batch.tasks {
            row.spec = row.spec ?? rows[row.id]?.spec
            rows[row.id] = row
        }
        forgottenUpTo = batch.forgottenUpTo
    }

    /// Where the rows and the core's tasks part.
    func storeFault() -> String? {
        if rows.count != tasks.count { return "\(rows.count) rows, \(tasks.count) tasks were submitted" }
        for row in rows.values where harness.core.tasks.slot(of: row.id) == nil {
            let isForgotten = row.status.isTerminal && row.finishedAt <= forgottenUpTo + 1
            if !isForgotten { return "\(row.id.text) is gone, as \(row.status) of \(row.finishedAt)" }
        }
        for index in 0..<harness.core.tasks.table.order.count {
            guard let slot = harness.core.tasks.table.order.slot(at: index) else { continue }
            var row = harness.core.row(slot)
            row.spec = harness.core.tasks[slot].spec
            if rows[row.id] != row { return "\(row.id.text) is not what its row says" }
        }
        return nil
    }

    private mutating func submit() {
        let extras = [
            "", "", #","priority":3"#, #","resources":{"requests":{"cpu":1.5}}"#, #","nodeSelector":{"zone":"n1"}"#,
            #","onNodeLost":"fail""#, #","onNodeLost":"keep""#, #","maxAttempts":1"#, #","timeoutSeconds":5"#,
        ]
        let extra = extras[Int.random(in: 0..<extras.count, using: &random)]
        let id = harness.submit(extra, from: client)
        if !id.isEmpty { tasks.append(id) }
    }

    private mutating func cancel() {
        guard let task = tasks.randomElement(using: &random) else { return }
        harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client)
    }

    private mutating func connect(_ worker: Int) {
        if connected[worker] { drop(worker) }
        connected[worker] = true
        generation[worker] += 1
        // Now and then a worker comes back without some of what it had.
        if Int.random(in: 0..<4, using: &random) == 0 { held[worker].removeAll() }
        let attempts = held[worker].map { #"{"taskId":"\#($0.task)","attempt":\#($0.number)}"# }.joined(separator: ",")
        harness.open(session(worker))
        harness.send(
            #"{"op":"hello","proto":1,"role":"worker","node":"n\#(worker)","instance":"i"}"#,
            #"{"op":"register","slots":3,"cpu":4,"labels":{"zone":"n\#(worker)"},"attempts":[\#(attempts)]}"#,
            from: session(worker)
        )
        // What it was told to kill it does not know here; its reports of that are stale.
    }

    private mutating func drop(_ worker: Int) {
        guard connected[worker] else { return }
        connected[worker] = false
        harness.close(session(worker))
    }

    private mutating func heartbeat(_ worker: Int) {
        guard connected[worker] else { return }
        harness.send(#"{"op":"heartbeat"}"#, from: session(worker))
    }

    private mutating func report(_ worker: Int) {
        guard connected[worker], let attempt = held[worker].randomElement(using: &random) else { return }
        let statuses = ["scheduled", "running", "running", "completed", "failed", "cancelled"]
        let status = statuses[Int.random(in: 0..<statuses.count, using: &random)]
        if Int.random(in: 0..<10, using: &random) == 0 {
            harness.send(
                #"{"op":"reject","taskId":"\#(attempt.task)","attempt":\#(attempt.number)}"#,
                from: session(worker)
            )
        } else {
            _ = harness.report(attempt.task, attempt.number, status, from: session(worker))
        }
        if status == "completed" || status == "failed" { held[worker].removeAll { $0 == attempt } }
    }

    /// Workers take what they are assigned.
    private mutating func receive() {
        for worker in 1...Self.workerCount {
            for line in harness.take(session(worker)) where line.contains(#""ev":"assign""#) {
                guard let task = CoreHarness.text(of: "taskId", in: line),
                    let number = CoreHarness.text(of: "attempt", in: line).flatMap({ Int($0) })
                else { continue }
                let attempt = Attempt(task: task, number: number)
                if holders[attempt] != nil { doubled = attempt }
                holders[attempt] = worker
                held[worker].append(attempt)
            }
        }
    }

    /// Healthy workers end all that is live.
    mutating func drain() {
        for worker in 1...Self.workerCount {
            harness.send(#"{"op":"drain","nodeId":"n\#(worker)","on":false}"#, from: client)
            connect(worker)
        }
        for _ in 0..<400 where liveCount > 0 {
            receive()
            for worker in 1...Self.workerCount {
                for attempt in held[worker] {
                    _ = harness.report(attempt.task, attempt.number, "completed", from: session(worker))
                }
                held[worker].removeAll()
                heartbeat(worker)
            }
            receive()
            harness.advance(milliseconds: 500)
        }
    }

    // MARK: What must always hold

    mutating func fault() -> String? {
        if let doubled { return "assigned twice: \(doubled)" }
        if let fault = harness.core.checkInvariants() { return fault }
        for index in 0..<harness.core.tasks.table.order.count {
            guard let slot = harness.core.tasks.table.order.slot(at: index) else { continue }
            let task = harness.core.tasks[slot]
            if let end = ends[task.id], end != task.status {
                return "\(task.id.text) ended as \(end), is \(task.status)"
            }
            if task.status.isTerminal { ends[task.id] = task.status }
            if task.chargedAttempts > Int(task.maxAttempts) { return "\(task.id.text) had too many attempts" }
        }
        for index in harness.core.nodes.sorted {
            let node = harness.core.nodes[index]
            if node.used > node.slots || node.cpuMillisUsed > node.cpuMillis { return "\(node.id) has too much" }
        }
        return nil
    }
}
