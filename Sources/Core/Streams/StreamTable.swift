/// Output in transit from workers to readers, by the stream number that the worker uses.
///
/// Each entry has an open reader; the streams of a task or of a worker are found without a full scan.
struct StreamTable {
    private var streams: [Int: LogStream] = [:]
    private var nextNumber = 1
    private var numbersByTask: [TaskSlot: [Int]] = [:]
    /// Streams by the session of the worker that sends them.
    private var numbersByWorker: [SessionID: Set<Int>] = [:]
    /// Sessions that keep up again since the last turn; some may be readers of output.
    private var resumedReaders: [SessionID] = []

    var isEmpty: Bool { streams.isEmpty }

    subscript(_ number: Int) -> LogStream? {
        _read { yield streams[number] }
        _modify { yield &streams[number] }
    }

    func numbers(ofTask slot: TaskSlot) -> [Int] { numbersByTask[slot] ?? [] }

    func numbers(ofWorker worker: SessionID) -> [Int] { (numbersByWorker[worker] ?? []).sorted() }

    mutating func takeNumber() -> Int {
        defer { nextNumber += 1 }
        return nextNumber
    }

    mutating func insert(_ stream: LogStream, _ number: Int) {
        streams[number] = stream
        if !stream.slot.isNone { numbersByTask[stream.slot, default: []].append(number) }
    }

    /// Marks a stream as requested from a worker.
    mutating func open(_ number: Int, from worker: SessionID, attempt: Int) {
        leaveWorker(number)
        streams[number]?.phase = .open
        streams[number]?.worker = worker
        streams[number]?.attempt = attempt
        numbersByWorker[worker, default: []].insert(number)
    }

    @discardableResult
    mutating func remove(_ number: Int) -> LogStream? {
        leaveWorker(number)
        guard let stream = streams.removeValue(forKey: number) else { return nil }
        numbersByTask[stream.slot]?.removeAll { $0 == number }
        if numbersByTask[stream.slot]?.isEmpty == true { numbersByTask[stream.slot] = nil }
        return stream
    }

    private mutating func leaveWorker(_ number: Int) {
        guard let worker = streams[number]?.worker else { return }
        numbersByWorker[worker]?.remove(number)
        if numbersByWorker[worker]?.isEmpty == true { numbersByWorker[worker] = nil }
    }

    // MARK: Slow readers

    mutating func readerResumed(_ session: SessionID) {
        if !streams.isEmpty { resumedReaders.append(session) }
    }

    mutating func takeResumedReaders() -> [SessionID] {
        guard !resumedReaders.isEmpty else { return [] }
        defer { resumedReaders = [] }
        return resumedReaders
    }

    // MARK: Deadlines

    /// Streams whose worker has missed its deadline.
    func late(now: Int64) -> [Int] {
        guard !streams.isEmpty else { return [] }
        return streams.filter { $0.value.deadline > 0 && $0.value.deadline <= now }.keys.sorted()
    }

    mutating func moveDeadlines(milliseconds: Int64) {
        for number in streams.keys where streams[number]?.deadline ?? 0 > 0 {
            streams[number]?.deadline += milliseconds
        }
    }

    /// Checks the invariants.
    func checkInvariants(_ sessions: SessionTable) -> String? {
        for (number, stream) in streams {
            if !sessions.isWaiting(stream.session, stream.number) { return "stream \(number) has no reader" }
            if !stream.slot.isNone, numbersByTask[stream.slot]?.contains(number) != true {
                return "stream \(number) is not found by its task"
            }
            if let worker = stream.worker, numbersByWorker[worker]?.contains(number) != true {
                return "stream \(number) is not found by its worker"
            }
        }
        let byWorker = numbersByWorker.values.reduce(0) { $0 + $1.count }
        return byWorker <= streams.count ? nil : "\(byWorker) streams are of workers, of \(streams.count)"
    }
}
