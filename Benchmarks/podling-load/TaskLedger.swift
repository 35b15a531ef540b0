import LoadSupport

/// What has happened to every single task, for `--verify`: each step once, and all of them.
struct TaskLedger {
    enum Step: UInt8 {
        case confirmed = 1
        case assigned = 2
        case ended = 4
    }

    private static let allSteps: UInt8 = 7
    private var steps: [UInt64: UInt8] = [:]
    /// The tasks reported on each connection and not yet answered, in their order, by descriptor.
    private var reported: [Int32: (tasks: [UInt64], answered: Int)] = [:]

    init(connections: Int) { reported.reserveCapacity(connections) }

    mutating func mark(_ taskID: UnsafeRawBufferPointer, _ step: Step) throws(LoadFailure) {
        try mark(Self.hash(taskID), step)
    }

    mutating func assigned(_ taskID: UnsafeRawBufferPointer, on descriptor: Int32) throws(LoadFailure) {
        let hash = Self.hash(taskID)
        try mark(hash, .assigned)
        reported[descriptor, default: ([], 0)].tasks.append(hash)
    }

    /// The oldest report of this connection was answered.
    mutating func ended(on descriptor: Int32) throws(LoadFailure) {
        guard let queue = reported[descriptor], queue.answered < queue.tasks.count else {
            throw LoadFailure("a reply to no report")
        }
        reported[descriptor]?.answered += 1
        try mark(queue.tasks[queue.answered], .ended)
    }

    func checkAll(_ submitted: Int) throws(LoadFailure) {
        let whole = steps.values.reduce(0) { $0 + ($1 == Self.allSteps ? 1 : 0) }
        guard whole == submitted, steps.count == submitted else {
            throw LoadFailure("\(submitted) submitted, \(steps.count) task ids seen, \(whole) of them whole")
        }
    }

    private mutating func mark(_ task: UInt64, _ step: Step) throws(LoadFailure) {
        let before = steps[task, default: 0]
        guard before & step.rawValue == 0 else { throw LoadFailure("a task was \(step) twice") }
        steps[task] = before | step.rawValue
    }

    /// FNV-1a: 64 bits keep a million ids apart.
    private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }
}
