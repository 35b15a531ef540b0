import PodlingProtocol

extension MasterCore {
    /// Seconds between two writes of the last heartbeat of a node to which nothing else happens.
    static var heartbeatWriteSeconds: Int { 30 }

    /// Marks a node for the next batch of the store. A heartbeat is no change, nor is a task that it gets.
    mutating func nodeChanged(_ index: NodeIndex) {
        guard !nodes[index].isChanged else { return }
        nodes[index].isChanged = true
        changedNodes.append(index)
    }

    /// Marks those online whose last heartbeat is to be written, each second some of them, so that all have their turn
    /// in `heartbeatWriteSeconds`.
    mutating func markHeard() {
        guard configuration.asksStore, now.monotonic >= nextHeartbeatWrite else { return }
        nextHeartbeatWrite = now.monotonic + 1_000
        heartbeatWrites += 1
        let part = heartbeatWrites % Self.heartbeatWriteSeconds
        for index in nodes.sorted where index.offset % Self.heartbeatWriteSeconds == part && nodes[index].isOnline {
            nodeChanged(index)
        }
    }

    func nodeRow(_ index: NodeIndex) -> NodeRow {
        let node = nodes[index]
        var row = NodeRow(id: node.id)
        row.instance = node.instance
        row.hostname = node.hostname
        row.engine = node.engine
        row.version = node.version
        row.labels = Dictionary(node.labels.map { ($0.key, $0.value) }) { $1 }
        row.slots = node.slots
        row.cpuMillis = node.cpuMillis < Quantity.cpuMillisMax ? node.cpuMillis : nil
        row.memoryBytes = node.memoryBytes < Quantity.memoryBytesMax ? node.memoryBytes : nil
        row.used = node.used
        row.cpuMillisUsed = node.cpuMillisUsed
        row.memoryBytesUsed = node.memoryBytesUsed
        row.isOnline = node.isOnline
        row.isDraining = node.isDraining
        row.engineError = node.engineError
        row.registeredAt = node.registeredAt
        row.lastSeenAt = node.lastSeenWall
        return row
    }

    /// Takes a node that a store kept for an earlier run, before the tasks of that run. It is offline until it registers,
    /// and stays drained.
    ///
    /// - Returns: false where it is known already, or there are too many.
    @discardableResult
    public mutating func restoreNode(_ row: NodeRow) -> Bool {
        guard nodes.index(of: row.id) == nil, nodes.count < configuration.nodesMax else { return false }
        let index = nodes.insert(row.id)
        nodes[index].take(row)
        count(index, NodeRecord.byteCost(nodes[index].labels, [row.hostname, row.engine, row.version]))
        nodes[index].lastSeen = now.monotonic
        // The store still says that it is online.
        if row.isOnline { nodeChanged(index) }
        return true
    }
}

extension NodeRecord {
    /// What a worker said of it in an earlier run; its attempts come with their tasks.
    fileprivate mutating func take(_ row: NodeRow) {
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
