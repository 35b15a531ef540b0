import CAllocationCount
import Glibc
import PodlingCore
import PodlingProtocol

/// The core alone: lines in, lines out, no sockets.
struct CoreBenchmarks: ~Copyable {
    private static let workerCount = 16
    private static let slotsPerWorker = 64
    private static let batchCount = 64

    private var core: MasterCore
    private var effects = Effects()
    private var now = Tick(wall: 1_767_300_000_000, monotonic: 1_000)
    private let client = SessionID(slot: 0, generation: 1)
    private var assigned: [Assignment] = []
    private var reportLines = ["running\"}", "completed\",\"exitCode\":0}"].map {
        Array(#"{"op":"status","id":1,"taskId":"t000000000000","attempt":1,"status":"\#($0)"#.utf8)
    }
    private static let idOffset = #"{"op":"status","id":1,"taskId":""#.utf8.count

    private struct Assignment {
        var session: SessionID
        /// The id's 13 bytes and three that follow them.
        var id: (UInt64, UInt64)
    }

    private init(liveTasksMax: Int = 2_000_000) {
        var configuration = CoreConfiguration(server: "bench", epoch: "e", firstTaskID: TaskID(number: 1))
        configuration.liveTasksMax = liveTasksMax
        configuration.finishedTasksMax = 10_000
        core = MasterCore(configuration: configuration, now: now)
        core.sessionOpened(client, now: now, into: &effects)
    }

    static func run() -> [BenchRow] {
        [bytesPerTask(), lifecycles(), allocationsPerLifecycle(), lifecycles(pendingCount: 1_000_000)] + passes()
    }

    private mutating func send(_ line: String, from session: SessionID) {
        var line = line
        line.withUTF8 { core.lineReceived(UnsafeRawBufferPointer($0), from: session, now: now, into: &effects) }
    }

    private mutating func register(_ count: Int, slots: Int) {
        for index in 1...count {
            let session = SessionID(slot: index, generation: 1)
            core.sessionOpened(session, now: now, into: &effects)
            send(#"{"op":"hello","proto":1,"role":"worker","node":"n\#(index)","instance":"i"}"#, from: session)
            send(#"{"op":"register","slots":\#(slots),"cpu":64,"memory":1000000000000}"#, from: session)
        }
        core.endTurn(into: &effects)
        effects.removeAll()
    }

    private static func submitLine(_ extra: String = "") -> String {
        let environment =
            #""env":{"STAGE":"production","REGION":"eu-central-1","TRACE":"0af7651916cd43dd8448eb211c80319c"}"#
        return
            #"{"op":"submit","id":12345,"name":"nightly-report","image":"registry.example.com/team/report:1.42","command":["/usr/bin/report","--day","2026-11-23"],\#(environment)\#(extra)}"#
    }

    // MARK: Lifecycles

    /// Submit, assign, running, completed, each answered; with this many tasks pending that no node can take.
    static func lifecycles(pendingCount: Int = 0) -> BenchRow {
        var bench = CoreBenchmarks()
        bench.register(workerCount, slots: slotsPerWorker)
        for _ in 0..<pendingCount {
            bench.send(submitLine(#","nodeSelector":{"gpu":"yes"}"#), from: bench.client)
            bench.effects.removeAll()
        }
        let submit = Array(submitLine().utf8)
        var best = 0.0
        for _ in 0..<12 {
            let start = Clock.processorSeconds()
            var done = 0
            while done < 100_000 { done += bench.batch(submit) }
            best = max(best, Double(done) / (Clock.processorSeconds() - start))
        }
        let name = pendingCount == 0 ? "core: lifecycles" : "core: lifecycles beside 1 M pending"
        return BenchRow(name: name, value: best, unit: "1/s")
    }

    /// How often the heap is asked for memory, once all arrays have their size.
    private static func allocationsPerLifecycle() -> BenchRow {
        var bench = CoreBenchmarks()
        bench.register(workerCount, slots: slotsPerWorker)
        let submit = Array(submitLine().utf8)
        var done = 0
        while done < 100_000 { done += bench.batch(submit) }
        let before = allocation_count()
        done = 0
        while done < 100_000 { done += bench.batch(submit) }
        let count = Double(allocation_count() - before) / Double(done)
        return BenchRow(name: "core: allocations per lifecycle", value: count, unit: "", floor: 5.5).lower()
    }

    private mutating func batch(_ submit: [UInt8]) -> Int {
        now.monotonic += 1
        now.wall += 1
        for _ in 0..<Self.batchCount {
            submit.withUnsafeBytes { core.lineReceived($0, from: client, now: now, into: &effects) }
        }
        core.endTurn(into: &effects)
        assigned.removeAll(keepingCapacity: true)
        for frame in effects.frames where frame.session != client {
            effects.withBytes(of: frame) { Self.note($0, frame.session, &assigned) }
        }
        effects.removeAll()
        for assignment in assigned {
            for index in reportLines.indices {
                reportLines[index].withUnsafeMutableBytes { line in
                    withUnsafeBytes(of: assignment.id) { id in
                        UnsafeMutableRawBufferPointer(rebasing: line[Self.idOffset..<Self.idOffset + 13])
                            .copyMemory(from: UnsafeRawBufferPointer(rebasing: id[..<13]))
                    }
                }
                reportLines[index].withUnsafeBytes {
                    core.lineReceived($0, from: assignment.session, now: now, into: &effects)
                }
            }
        }
        core.endTurn(into: &effects)
        core.dropChanges()
        effects.removeAll()
        return assigned.count
    }

    /// The ids of the assignments in a frame: they stand at the same place of each line.
    private static func note(
        _ lines: UnsafeRawBufferPointer,
        _ session: SessionID,
        _ assigned: inout [Assignment]
    ) {
        let prefix = #"{"ev":"assign","taskId":""#.utf8.count
        var start = 0
        while start < lines.count, let base = lines.baseAddress,
            let end = memchr(base + start, 0x0A, lines.count - start)
        {
            let id = (base + start + prefix).loadUnaligned(as: (UInt64, UInt64).self)
            assigned.append(Assignment(session: session, id: id))
            start = base.distance(to: end) + 1
        }
    }

    /// `running` and `completed` for every assignment.
    private static func reports(on lines: UnsafeRawBufferPointer) -> [UInt8] {
        let prefix = #"{"ev":"assign","taskId":""#.utf8.count
        let idBytes = 13
        var out: [UInt8] = []
        var start = 0
        for index in lines.indices where lines[index] == 0x0A {
            let id = lines[(start + prefix)..<(start + prefix + idBytes)]
            for tail in [#"","attempt":1,"status":"running"}"#, #"","attempt":1,"status":"completed","exitCode":0}"#] {
                out += #"{"op":"status","id":1,"taskId":""#.utf8
                out += id
                out += tail.utf8
                out.append(0x0A)
            }
            start = index + 1
        }
        return out
    }

    // MARK: Size

    private static func bytesPerTask() -> BenchRow {
        let count = 1_000_000
        let before = Memory.residentBytes()
        var bench = CoreBenchmarks()
        let line = submitLine()
        for _ in 0..<count {
            bench.send(line, from: bench.client)
            bench.effects.removeAll()
        }
        bench.core.dropChanges()
        let bytes = Double(Memory.residentBytes() - before) / Double(count)
        return BenchRow(
            name: "core: memory per pending task (\(line.utf8.count)-byte submit)",
            value: bytes,
            unit: "bytes",
            floor: 1_024,
            lowerIsBetter: true
        )
    }

    // MARK: Placing

    /// A pass with 1,000 full nodes and a million pending tasks of 200 shapes, after one slot came free.
    private static func passes() -> [BenchRow] {
        var bench = CoreBenchmarks()
        bench.register(1_000, slots: 1)
        for index in 0..<1_000_000 {
            let shape = index % 200
            let extra =
                shape == 0
                ? "" : #","resources":{"requests":{"cpu":\#(100 + shape)}},"nodeSelector":{"zone":"z\#(shape)"}"#
            bench.send(submitLine(extra), from: bench.client)
            if index % 1_000 == 0 { bench.effects.removeAll() }
        }
        bench.core.endTurn(into: &bench.effects)
        var worst = 0.0
        let count = 2_000
        let start = Clock.processorSeconds()
        for _ in 0..<count {
            var reports: [(SessionID, [UInt8])] = []
            for frame in bench.effects.frames where frame.session != bench.client {
                bench.effects.withBytes(of: frame) { reports.append((frame.session, Self.reports(on: $0))) }
            }
            bench.effects.removeAll()
            guard let (session, lines) = reports.first else { break }
            for line in lines.split(separator: 0x0A) {
                Array(line).withUnsafeBytes {
                    bench.core.lineReceived($0, from: session, now: bench.now, into: &bench.effects)
                }
            }
            bench.effects.removeAll()
            let passStart = Clock.processorSeconds()
            bench.core.endTurn(into: &bench.effects)
            worst = max(worst, Clock.processorSeconds() - passStart)
        }
        let mean = (Clock.processorSeconds() - start) / Double(count)
        return [
            BenchRow(
                name: "core: finish one, place the next; 1,000 nodes, 1 M pending, mean",
                value: mean * 1e6,
                unit: "us"
            ),
            BenchRow(name: "core: the same, placing alone, worst", value: worst * 1e6, unit: "us"),
        ].map { $0.lower() }
    }
}
