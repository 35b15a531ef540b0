import PodlingProtocol

/// A task as the core holds it. Its indexes take four bytes each: a million of these are kept at once.
struct TaskRecord {
    struct Flags: OptionSet {
        let rawValue: UInt16
        static let cancelRequested = Flags(rawValue: 1 << 0)
        /// The worker answered the assignment.
        static let accepted = Flags(rawValue: 1 << 1)
        /// It ran longer than `timeoutSeconds` and was told to end.
        static let timedOut = Flags(rawValue: 1 << 2)
        /// It waits in its lane's list of those that ran before.
        static let requeued = Flags(rawValue: 1 << 3)
        /// It changed since the last batch for the store.
        static let changed = Flags(rawValue: 1 << 4)
        /// Its spec is not in the store yet.
        static let unsaved = Flags(rawValue: 1 << 5)
        static let hasExitCode = Flags(rawValue: 1 << 6)
        /// Somebody waits for its end, or for its output.
        static let observed = Flags(rawValue: 1 << 7)
        /// It ended by its worker's report, and not because the master gave it up.
        static let reported = Flags(rawValue: 1 << 8)
        /// Its row is another program's: forgotten it may be, deleted never.
        static let adopted = Flags(rawValue: 1 << 9)
        /// Its shape holds the node selector of its spec once more.
        static let hasSelector = Flags(rawValue: 1 << 10)
        /// It did not come to run in the time there is for that, and was told to end.
        static let prepareTimedOut = Flags(rawValue: 1 << 11)

        /// Each is an order to end; the first that was given counts, and of the time-outs no second is.
        static let orderedToEnd: Flags = [.cancelRequested, .timedOut, .prepareTimedOut]
    }

    // What is looked at when an old task is forgotten stands first, in one cache line.
    var id: TaskID
    /// The spec's members, joined by commas.
    var spec: [UInt8]
    var extra: TaskExtra?
    var flags: Flags = []
    /// At most six bytes for each of 63.
    var nameCount: UInt16
    private(set) var status = TaskStatus.pending
    private(set) var reason = TaskReason.none
    var onNodeLost: NodeLostPolicy
    var maxAttempts: UInt8
    var node = NodeIndex.none
    private var nodePosition32: Int32 = -1
    private var attempt32: Int32 = 0
    var shape = ShapeIndex.none
    var queueNext = TaskSlot.none
    var queuePrevious = TaskSlot.none
    /// Monotonic milliseconds by which the assignment must be answered, then the attempt run, then end; 0 means none.
    var deadline: Int64 = 0
    /// Milliseconds since 1970; 0 means not yet.
    var createdAt: Int64
    var scheduledAt: Int64 = 0
    var startedAt: Int64 = 0
    var finishedAt: Int64 = 0
    private var unchargedAttempts32: Int32 = 0
    private var exitCode32: Int32 = 0
    private var timeoutSeconds32: Int32
    var nameStart: UInt32
    var stopGraceSeconds: Int16
    var priority: Int16
    var rejections: Int16 = 0
    /// When it was imported, in milliseconds since 1970; 0 means never. The last eight bytes of two cache lines, which a
    /// record in an aligned chunk never leaves.
    var importedAt: Int64 = 0

    // MARK: Numbers that take four bytes each

    /// Where it stands in its node's list of attempts; −1 where no node has it.
    var nodePosition: Int {
        @inline(__always) get { Int(nodePosition32) }
        @inline(__always) set { nodePosition32 = Int32(truncatingIfNeeded: newValue) }
    }
    var attempt: Int {
        @inline(__always) get { Int(attempt32) }
        @inline(__always) set { attempt32 = Int32(clamping: newValue) }
    }
    /// Attempts that do not count against `maxAttempts`.
    var unchargedAttempts: Int {
        get { Int(unchargedAttempts32) }
        set { unchargedAttempts32 = Int32(clamping: newValue) }
    }
    var exitCode: Int {
        get { Int(exitCode32) }
        set { exitCode32 = Int32(clamping: newValue) }
    }
    var timeoutSeconds: Int { Int(timeoutSeconds32) }

    /// Leaves in the slot what no task has.
    mutating func clear() {
        id = TaskID(number: 0)
        spec = []
        extra = nil
        flags = []
    }

    /// - Returns: false where the move is not legal (`TaskTransitions`); nothing is changed then.
    @inline(__always)
    mutating func move(to status: TaskStatus, _ reason: TaskReason) -> Bool {
        guard TaskTransitions.isLegal(from: self.status, to: status) else { return false }
        (self.status, self.reason) = (status, reason)
        return true
    }

    init(
        id: TaskID,
        createdAt: Int64,
        summary: TaskSummary,
        status: TaskStatus = .pending,
        reason: TaskReason = .none
    ) {
        (self.status, self.reason) = (status, reason)
        self.id = id
        self.createdAt = createdAt
        spec = summary.bytes
        timeoutSeconds32 = Int32(truncatingIfNeeded: summary.timeoutSeconds)
        nameStart = UInt32(truncatingIfNeeded: summary.nameRange.lowerBound)
        nameCount = UInt16(truncatingIfNeeded: summary.nameRange.count)
        stopGraceSeconds = Int16(truncatingIfNeeded: summary.stopGraceSeconds)
        priority = Int16(truncatingIfNeeded: summary.priority)
        maxAttempts = UInt8(clamping: summary.maxAttempts)
        onNodeLost = summary.onNodeLost
        if !summary.nodeSelector.isEmpty { flags.insert(.hasSelector) }
        if let key = summary.idempotencyKey {
            extra = TaskExtra()
            extra?.idempotencyKey = key
        }
    }

    /// What a task takes beside its spec: its record, its places in the order and the queue, an event.
    private static let byteCostBase = 448
    /// For an idempotency key beside its text, which is there twice.
    private static let byteCostOfKey = 160

    /// Bytes that are counted for it, the same from its first day to its last.
    var byteCost: Int {
        let key = extra?.idempotencyKey.map { Self.byteCostOfKey + 2 * $0.utf8.count } ?? 0
        return Self.byteCostBase + key + spec.count * (flags.contains(.hasSelector) ? 4 : 1)
    }

    /// Why it was told to end; `none` where it was not.
    var orderedEnd: TaskReason {
        if flags.contains(.timedOut) { return .timedOut }
        if flags.contains(.prepareTimedOut) { return .prepareTimedOut }
        return flags.contains(.cancelRequested) ? .cancelled : .none
    }

    /// Whether a node has it.
    var isAssigned: Bool { status == .scheduled || status == .running }

    /// Whether its worker still has to answer the assignment.
    var awaitsAnswer: Bool { status == .scheduled && !flags.contains(.accepted) && deadline > 0 }

    /// Whether its deadline has something to do when it comes: an order to end is given once.
    var hasTimer: Bool { deadline > 0 && (awaitsAnswer || flags.isDisjoint(with: .orderedToEnd)) }

    /// From when on its age counts, once it has ended.
    var keptSince: Int64 { max(finishedAt, importedAt) }

    /// Attempts lost so far that count against `maxAttempts`.
    var chargedAttempts: Int { attempt - unchargedAttempts }
}

/// What most tasks of a queue do not have.
final class TaskExtra {
    var containerID: String?
    var error: String?
    var detail: String?
    var idempotencyKey: String?
}
