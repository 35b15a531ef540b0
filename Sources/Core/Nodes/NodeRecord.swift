import PodlingProtocol

/// The in-memory record of a node.
struct NodeRecord {
    var id: String
    var instance = ""
    var hostname: String?
    var engine: String?
    var version: String?
    /// Sorted by name.
    var labels: [(key: String, value: String)] = []
    var slots = 0
    var cpuMillis = 0
    var memoryBytes = 0
    /// The number of its attempts, and the resources allotted to them.
    private(set) var used = 0
    private(set) var cpuMillisUsed = 0
    private(set) var memoryBytesUsed = 0
    /// The session that registered it, while that is open.
    var session: SessionID?
    /// Monotonic milliseconds of the last complete valid line.
    var lastSeen: Int64 = 0
    /// The wall-clock time of the last complete valid line, human-readable.
    var lastSeenAt: Int64 = 0
    var registeredAt: Int64 = 0
    /// Monotonic milliseconds before which its lease does not end.
    var graceUntil: Int64 = 0
    /// Monotonic milliseconds before which it gets no new task, after a rejection.
    var holdUntil: Int64 = 0
    var isDraining = false
    /// Why its engine runs nothing, as its worker reports; meanwhile it gets no task.
    var engineError: String?
    var hasLease = false
    /// The bytes of its texts, as counted by `Fleet`.
    var byteCost = 0
    /// The tasks that it has, unordered.
    private(set) var attempts: [TaskSlot] = []
    /// The number of held tasks that name it.
    var references = 0
    /// Its position in the list of open nodes; −1 if not in it.
    var openPosition = -1
    var isKnown = true
    /// It gained capacity since tasks were last placed.
    var isFreed = false
    /// It is in `Fleet.roomy`.
    var isLookedFor = false
    /// It changed since the last batch for the store.
    var isChanged = false

    /// Whether its id needs no escaping; an id given by another system may need it.
    private let isPlain: Bool

    init(id: String) {
        var id = id
        isPlain = id.isEmpty || id.withUTF8 { NameRules.isNodeName(UnsafeRawBufferPointer($0)) }
        self.id = id
    }

    /// The bytes of texts, with the overhead of each label.
    static func byteCost(_ labels: [(key: String, value: String)], _ texts: [String?]) -> Int {
        let overheadBytes = 32
        return labels.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + overheadBytes }
            + texts.reduce(0) { $0 + ($1?.utf8.count ?? 0) }
    }

    var isOnline: Bool { session != nil && hasLease }

    /// The id, for a line.
    var name: NodeName { NodeName(text: id, isPlain: isPlain) }

    /// Whether only its age keeps it from being forgotten.
    var isUnused: Bool { references == 0 && session == nil && !hasLease }

    /// Allots an attempt its resources.
    mutating func add(_ slot: TaskSlot, _ key: ShapeKey) {
        attempts.append(slot)
        used += 1
        cpuMillisUsed += key.cpuMillis
        memoryBytesUsed += key.memoryBytes
    }

    /// Frees an attempt's resources.
    /// - Returns: the attempt that was the last, and now has its position.
    mutating func removeAttempt(at position: Int, _ key: ShapeKey) -> TaskSlot {
        let last = attempts.removeLast()
        if position < attempts.count { attempts[position] = last }
        used -= 1
        cpuMillisUsed -= key.cpuMillis
        memoryBytesUsed -= key.memoryBytes
        return last
    }

    /// Extends the deadlines of its worker after a stall of the master. What it sent since the stall counts as usual.
    mutating func moveLease(milliseconds: Int64, now: Int64) {
        lastSeen = max(lastSeen, min(lastSeen + milliseconds, now))
        if graceUntil > 0 { graceUntil += milliseconds }
    }
}

extension NodeRecord {
    /// Takes what a worker reported in an earlier run; the attempts come with their tasks.
    mutating func take(_ row: NodeRow) {
        instance = row.instance
        hostname = row.hostname
        engine = row.engine
        version = row.version
        labels = row.labels.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
        // The row may have been edited by hand.
        slots = min(max(row.slots, 0), Limits.slotsMax)
        cpuMillis = min(max(row.cpuMillis ?? Quantity.cpuMillisMax, 0), Quantity.cpuMillisMax)
        memoryBytes = min(max(row.memoryBytes ?? Quantity.memoryBytesMax, 0), Quantity.memoryBytesMax)
        isDraining = row.isDraining
        registeredAt = Timestamp.bounded(row.registeredAt)
        lastSeenAt = Timestamp.bounded(row.lastSeenAt)
    }

    /// Whether the node already is as its worker reports.
    func isAs(_ offer: NodeOffer, instance other: String) -> Bool {
        instance == other && hostname == offer.hostname && engine == offer.engine && version == offer.version
            && slots == offer.slots && cpuMillis == offer.cpuMillis && memoryBytes == offer.memoryBytes
            && labels.elementsEqual(offer.labels) { $0 == $1 }
    }
}

extension NodeRecord {
    mutating func take(_ offer: NodeOffer, session: SessionID, instance: String, now: Tick) {
        self.session = session
        self.instance = instance
        hostname = offer.hostname
        engine = offer.engine
        version = offer.version
        labels = offer.labels
        slots = offer.slots
        cpuMillis = offer.cpuMillis
        memoryBytes = offer.memoryBytes
        engineError = offer.engineError
        hasLease = true
        lastSeen = now.monotonic
        lastSeenAt = now.wall
        if registeredAt == 0 { registeredAt = now.wall }
    }
}
