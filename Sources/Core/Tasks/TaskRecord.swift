import PodlingProtocol

/// The in-memory record of a task. Its indexes take four bytes each, as a million records are held at once.
struct TaskRecord {
    struct Flags: OptionSet {
        let rawValue: UInt16
        static let cancelRequested = Flags(rawValue: 1 << 0)
        /// The worker accepted the assignment.
        static let accepted = Flags(rawValue: 1 << 1)
        /// It is pending in its lane's list of requeued tasks.
        static let requeued = Flags(rawValue: 1 << 2)
        /// It changed since the last batch for the store.
        static let changed = Flags(rawValue: 1 << 3)
        /// Its spec is not in the store yet.
        static let unsaved = Flags(rawValue: 1 << 4)
        static let hasExitCode = Flags(rawValue: 1 << 5)
        /// A subscriber waits for its end, or for its output.
        static let observed = Flags(rawValue: 1 << 6)
        /// It ended by its worker's report, and not by a decision of the master.
        static let reported = Flags(rawValue: 1 << 7)
        /// Its row is another program's: it may be forgotten, but the row is never deleted.
        static let adopted = Flags(rawValue: 1 << 8)
        /// Its shape holds a copy of the spec's node selector.
        static let hasSelector = Flags(rawValue: 1 << 9)
    }

    // The fields that are read when an old task is forgotten come first, in one cache line.
    var id: TaskID
    /// The spec's members, joined by commas.
    var spec: [UInt8]
    var extra: TaskExtra?
    var flags: Flags = []
    /// At most six bytes for each of 63 characters.
    var nameCount: UInt16
    private(set) var status = TaskStatus.pending
    /// Of an assigned task: the time-out for which it was ordered to end. So the store keeps the order.
    private(set) var reason = TaskReason.none
    var onNodeLost: NodeLostPolicy
    var maxAttempts: UInt8
    var node = NodeIndex.none
    private var nodePosition32: Int32 = -1
    private var attempt32: Int32 = 0
    var shape = ShapeIndex.none
    var queueNext = TaskSlot.none
    var queuePrevious = TaskSlot.none
    /// Monotonic milliseconds by which the attempt must be accepted, then run, then end; 0 means no deadline.
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
    /// The time of its import in milliseconds since 1970; 0 means never. It takes the last eight bytes of two cache
    /// lines; a record in an aligned chunk never spans more.
    var importedAt: Int64 = 0

    // MARK: Numbers stored in four bytes each

    /// Its index in its node's list of attempts; −1 if no node has it.
    var nodePosition: Int {
        @inline(__always) get { Int(nodePosition32) }
        @inline(__always) set { nodePosition32 = Int32(truncatingIfNeeded: newValue) }
    }
    var attempt: Int {
        @inline(__always) get { Int(attempt32) }
        @inline(__always) set { attempt32 = Int32(clamping: newValue) }
    }
    /// Attempts that are not charged against `maxAttempts`.
    var unchargedAttempts: Int {
        get { Int(unchargedAttempts32) }
        set { unchargedAttempts32 = Int32(clamping: newValue) }
    }
    /// nil if the last attempt has none, or has not ended.
    var exitCode: Int? {
        @inline(__always) get { flags.contains(.hasExitCode) ? Int(exitCode32) : nil }
        set {
            exitCode32 = Int32(clamping: newValue ?? 0)
            if newValue == nil { flags.remove(.hasExitCode) } else { flags.insert(.hasExitCode) }
        }
    }
    var timeoutSeconds: Int { Int(timeoutSeconds32) }

    /// Marks the slot as free.
    mutating func clear() {
        id = TaskID(number: 0)
        spec = []
        extra = nil
        flags = []
    }

    /// - Returns: false, with nothing changed, if the transition is illegal (`TaskTransitions`).
    @inline(__always)
    mutating func move(to status: TaskStatus, _ reason: TaskReason) -> Bool {
        guard TaskTransitions.isLegal(from: self.status, to: status) else { return false }
        (self.status, self.reason) = (status, reason)
        return true
    }

    /// Notes that its attempt was ordered to end for a time-out.
    mutating func order(_ timeOut: TaskReason) { reason = timeOut }

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

    /// The bytes of a task without its spec: its record, its places in the order and the queue, an event.
    private static let byteCostBase = 448
    /// The bytes of an idempotency key without its text, which is stored twice.
    private static let byteCostOfKey = 160

    /// The bytes charged for the task, constant over its lifetime.
    var byteCost: Int {
        let key = extra?.idempotencyKey.map { Self.byteCostOfKey + 2 * $0.utf8.count } ?? 0
        return Self.byteCostBase + key + spec.count * (flags.contains(.hasSelector) ? 4 : 1)
    }

    /// The reason for which an assigned task was ordered to end; `none` if it was not.
    ///
    /// The first order counts: no time-out is ordered after a cancel, so a time-out came before it.
    var orderedEnd: TaskReason {
        if reason == .timedOut || reason == .prepareTimedOut { return reason }
        return flags.contains(.cancelRequested) ? .cancelled : .none
    }

    /// Whether a node has it.
    var isAssigned: Bool { status == .scheduled || status == .running }

    /// Whether its worker has yet to answer the assignment.
    var awaitsAnswer: Bool { status == .scheduled && !flags.contains(.accepted) && deadline > 0 }

    /// Whether its deadline has an effect when it expires: an order to end is given only once.
    var hasTimer: Bool { deadline > 0 && (awaitsAnswer || orderedEnd == .none) }

    /// The time from which its age counts, once it is terminal.
    var keptSince: Int64 { max(finishedAt, importedAt) }

    /// Lost attempts that are charged against `maxAttempts`.
    var chargedAttempts: Int { attempt - unchargedAttempts }
}

/// Members that most pending tasks do not have.
final class TaskExtra {
    var containerID: String?
    var error: String?
    var detail: String?
    var idempotencyKey: String?
}
