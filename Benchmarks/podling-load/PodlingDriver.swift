import Glibc
import LoadSupport

/// Clients submit, workers report `running` and `completed` at once; every line is answered.
struct PodlingDriver: ThroughputDriver, ~Copyable {
    private(set) var submitted = 0
    private(set) var workersReady = 0
    private var confirmed = 0
    private(set) var assigned = 0
    private var running = 0
    private var ended = 0
    private var reattempts = 0
    private var ledger: TaskLedger
    private let verify: Bool
    private var submits = SubmitLatencies()
    private let submitLine: UnsafeMutableRawPointer
    private let submitCount: Int

    /// A lifecycle has its submit, `running` and `completed` answered; they come on several connections.
    var completed: Int { min(confirmed, ended) }
    var canDrain: Bool { true }

    init(verify: Bool, connections: Int) {
        self.verify = verify
        ledger = TaskLedger(connections: connections)
        let line = Array((PodlingLines.submitLine() + "\n").utf8)
        submitCount = line.count
        submitLine = .allocate(byteCount: line.count, alignment: 16)
        submitLine.copyMemory(from: line, byteCount: line.count)
    }

    deinit { submitLine.deallocate() }

    mutating func submit(_ count: Int, on connection: UnsafeMutablePointer<Connection>) {
        submits.sent(submitted..<submitted &+ count)
        for _ in 0..<count {
            connection.pointee.output.append(submitLine, submitCount)
            countUp()
        }
        submitted &+= count
        connection.pointee.unconfirmed &+= count
    }

    /// The next id, in place: it keeps its number of digits.
    @inline(__always)
    private func countUp() {
        var at = PodlingLines.submitIDOffset + PodlingLines.submitIDDigits - 1
        while submitLine.load(fromByteOffset: at, as: UInt8.self) == UInt8(ascii: "9"), at > PodlingLines.submitIDOffset
        {
            submitLine.storeBytes(of: UInt8(ascii: "0"), toByteOffset: at, as: UInt8.self)
            at -= 1
        }
        let digit = submitLine.load(fromByteOffset: at, as: UInt8.self)
        submitLine.storeBytes(of: digit &+ 1, toByteOffset: at, as: UInt8.self)
    }

    mutating func received(
        _ bytes: UnsafeRawBufferPointer,
        on connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) -> Int {
        guard var line = bytes.baseAddress else { return 0 }
        let start = line
        let end = line + bytes.count
        while let found = memchr(line, Int32(UInt8(ascii: "\n")), end - line) {
            let count = UnsafeRawPointer(found) - line
            if connection.pointee.isWorker {
                try workerLine(line, count, connection)
            } else {
                try clientLine(line, count, connection)
            }
            line += count + 1
        }
        return line - start
    }

    @inline(__always)
    private mutating func clientLine(
        _ line: UnsafeRawPointer,
        _ count: Int,
        _ connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) {
        let okAt = PodlingLines.replyHead.utf8CodeUnitCount + PodlingLines.submitIDDigits
        guard PodlingLines.starts(line, count, PodlingLines.replyHead),
            PodlingLines.starts(line + okAt, count - okAt, PodlingLines.okKey)
        else {
            if PodlingLines.starts(line, count, PodlingLines.helloHead) { return }
            throw .unexpected(line, count, from: "a client's connection")
        }
        confirmed &+= 1
        connection.pointee.unconfirmed &-= 1
        submits.confirmed(line + PodlingLines.replyHead.utf8CodeUnitCount)
        guard verify else { return }
        guard let taskID = PodlingLines.value(line, count, after: PodlingLines.taskIDKey) else {
            throw .unexpected(line, count, from: "submit")
        }
        try ledger.mark(taskID, .confirmed)
    }

    @inline(__always)
    private mutating func workerLine(
        _ line: UnsafeRawPointer,
        _ count: Int,
        _ connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) {
        let idAt = PodlingLines.replyHead.utf8CodeUnitCount
        if PodlingLines.starts(line, count, PodlingLines.replyHead),
            PodlingLines.starts(line + idAt + 1, count - idAt - 1, PodlingLines.okKey)
        {
            try reply(to: line.load(fromByteOffset: idAt, as: UInt8.self), line, count, connection)
        } else if PodlingLines.starts(line, count, PodlingLines.assignHead) {
            try assign(line, count, connection)
        } else if !PodlingLines.starts(line, count, PodlingLines.helloHead) {
            throw .unexpected(line, count, from: "a worker's connection")
        }
    }

    @inline(__always)
    private mutating func reply(
        to id: UInt8,
        _ line: UnsafeRawPointer,
        _ count: Int,
        _ connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) {
        switch id {
        case PodlingLines.runningID: running &+= 1
        case PodlingLines.completedID:
            ended &+= 1
            if verify { try ledger.ended(on: connection.pointee.descriptor) }
        case UInt8(ascii: "8"): break
        case UInt8(ascii: "9"): workersReady += 1
        default: throw .unexpected(line, count, from: "a worker's connection")
        }
    }

    @inline(__always)
    private mutating func assign(
        _ line: UnsafeRawPointer,
        _ count: Int,
        _ connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) {
        let id = line + PodlingLines.assignHead.utf8CodeUnitCount
        guard let quote = memchr(id, Int32(UInt8(ascii: "\"")), line + count - id) else {
            throw .unexpected(line, count, from: "assign")
        }
        let idCount = UnsafeRawPointer(quote) - id
        let key = PodlingLines.attemptKey
        guard PodlingLines.starts(UnsafeRawPointer(quote), line + count - UnsafeRawPointer(quote), key) else {
            throw .unexpected(line, count, from: "assign")
        }
        let attempt = UnsafeRawPointer(quote) + key.utf8CodeUnitCount
        var digits = 0
        while attempt + digits < line + count, attempt.load(fromByteOffset: digits, as: UInt8.self) &- 48 < 10 {
            digits &+= 1
        }
        append(PodlingLines.runningHead, id, idCount, attempt, digits, connection)
        append(PodlingLines.completedHead, id, idCount, attempt, digits, connection)
        assigned &+= 1
        if digits != 1 || attempt.load(as: UInt8.self) != UInt8(ascii: "1") { reattempts += 1 }
        if verify {
            try ledger.assigned(UnsafeRawBufferPointer(start: id, count: idCount), on: connection.pointee.descriptor)
        }
    }

    @inline(__always)
    private func append(
        _ head: StaticString,
        _ id: UnsafeRawPointer,
        _ idCount: Int,
        _ attempt: UnsafeRawPointer,
        _ digits: Int,
        _ connection: UnsafeMutablePointer<Connection>
    ) {
        connection.pointee.output.append(head)
        connection.pointee.output.append(id, idCount)
        connection.pointee.output.append(PodlingLines.attemptKey)
        connection.pointee.output.append(attempt, digits)
        connection.pointee.output.append("}\n")
    }

    func checkCounts() throws(LoadFailure) {
        let counts = [confirmed, assigned, running, ended]
        guard reattempts == 0, counts.allSatisfy({ $0 == submitted }) else {
            throw LoadFailure(
                "\(submitted) submitted, \(confirmed) confirmed, \(assigned) assigned, \(running) running,"
                    + " \(ended) ended, \(reattempts) second attempts"
            )
        }
        if verify { try ledger.checkAll(submitted) }
    }

    func addFigures(to report: inout Report) {
        report.add("submitted", submitted)
        report.add("verified", verify ? 1 : 0)
        report.add("submit_p50_us", submits.latencies.percentileMicroseconds(0.5))
        report.add("submit_p99_us", submits.latencies.percentileMicroseconds(0.99))
    }
}
