import PodlingProtocol

/// A node as the core holds it.
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
    var used = 0
    var cpuMillisUsed = 0
    var memoryBytesUsed = 0
    /// The connection that registered it, while that is open.
    var session: SessionID?
    /// Monotonic milliseconds of the last complete valid line.
    var lastSeen: Int64 = 0
    /// The same by the wall clock, for people.
    var lastSeenWall: Int64 = 0
    var registeredAt: Int64 = 0
    /// Monotonic milliseconds before which no lease of it ends.
    var graceUntil: Int64 = 0
    /// Monotonic milliseconds before which it gets nothing new, after a rejection.
    var holdUntil: Int64 = 0
    var isDraining = false
    /// Why its engine runs nothing, as its worker says; it gets nothing meanwhile.
    var engineError: String?
    var hasLease = false
    /// What its texts take, as `Fleet` counts it.
    var byteCost = 0
    /// Slots of the tasks it has.
    var attempts: [TaskSlot] = []
    /// Tasks kept that name it.
    var references = 0
    /// Where it stands in the list of nodes with room; −1 if not.
    var openPosition = -1
    var isKnown = true
    /// It got room since tasks were last placed.
    var isFreed = false
    /// It stands among the roomy ones of `Fleet`.
    var isLookedFor = false
    /// It changed since the last batch for the store.
    var isChanged = false

    /// Its id has nothing to escape. One that another system gave may have.
    let isPlain: Bool

    init(id: String) {
        var id = id
        isPlain = id.isEmpty || id.withUTF8 { NameRules.isNodeName(UnsafeRawBufferPointer($0)) }
        self.id = id
    }

    /// Of texts, each with what keeps it.
    static func byteCost(_ labels: [(key: String, value: String)], _ texts: [String?]) -> Int {
        let overheadBytes = 32
        return labels.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + overheadBytes }
            + texts.reduce(0) { $0 + ($1?.utf8.count ?? 0) }
    }

    var isOnline: Bool { session != nil && hasLease }

    /// Whether nothing is left that keeps it but its age.
    var isUnused: Bool { references == 0 && session == nil && !hasLease }

    /// Moves what waits for its worker, after the master itself stood still.
    mutating func moveLease(milliseconds: Int64) {
        lastSeen += milliseconds
        if graceUntil > 0 { graceUntil += milliseconds }
    }
}

extension NodeRecord {
    /// What a worker said of it in an earlier run; its attempts come with their tasks.
    mutating func take(_ row: NodeRow) {
        instance = row.instance
        hostname = row.hostname
        engine = row.engine
        version = row.version
        labels = row.labels.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
        // The row may have been changed by hand.
        slots = min(max(row.slots, 0), Limits.slotsMax)
        cpuMillis = min(max(row.cpuMillis ?? Quantity.cpuMillisMax, 0), Quantity.cpuMillisMax)
        memoryBytes = min(max(row.memoryBytes ?? Quantity.memoryBytesMax, 0), Quantity.memoryBytesMax)
        isDraining = row.isDraining
        registeredAt = Timestamp.bounded(row.registeredAt)
        lastSeenWall = Timestamp.bounded(row.lastSeenAt)
    }

    /// Whether the node is already as its worker says.
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
        holdUntil = 0
        lastSeen = now.monotonic
        lastSeenWall = now.wall
        if registeredAt == 0 { registeredAt = now.wall }
    }
}
