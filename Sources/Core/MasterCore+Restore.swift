import PodlingProtocol

extension MasterCore {
    /// Takes a task that a store kept for an earlier run. Call it before any session opens, in the order of ids, and
    /// `endRestore` after the last.
    ///
    /// - Returns: false where the row cannot be a task of this version, or is out of order; nothing is changed then.
    @discardableResult
    public mutating func restore(_ row: TaskRow) -> Bool {
        guard row.id >= nextRestoredID, let spec = row.spec, let summary = Self.summary(of: spec) else { return false }
        var record = TaskRecord(id: row.id, createdAt: row.createdAt, summary: summary)
        record.status = row.status
        record.reason = row.reason
        record.attempt = Int32(truncatingIfNeeded: row.attempt)
        record.unchargedAttempts = Int32(truncatingIfNeeded: row.unchargedAttempts)
        record.rejections = Int16(clamping: row.rejections)
        record.scheduledAt = row.scheduledAt
        record.startedAt = row.startedAt
        record.finishedAt = row.finishedAt
        if row.isCancelRequested { record.flags.insert(.cancelRequested) }
        if let exitCode = row.exitCode {
            record.exitCode = Int32(truncatingIfNeeded: exitCode)
            record.flags.insert(.hasExitCode)
        }
        if row.containerID != nil || row.error != nil || row.detail != nil {
            let extra = record.extra ?? TaskExtra()
            (extra.containerID, extra.error, extra.detail) = (row.containerID, row.error, row.detail)
            record.extra = extra
        }
        if row.status == .completed || (row.status == .failed && row.reason.isOnlyReported) {
            record.flags.insert(.reported)
        }
        let slot = tasks.insert(record)
        nextTaskID = max(nextTaskID, row.id.next)
        nextRestoredID = row.id.next
        counts[Int(row.status.rawValue)] += 1
        if let key = summary.idempotencyKey { idempotencyKeys[key] = slot }
        if row.status.isTerminal {
            finished.append((slot, row.id))
        } else {
            tasks[slot].shape = shapes.retain(ShapeKey(summary))
        }
        if let nodeID = row.nodeID { giveBack(slot, nodeID) }
        if row.status == .pending { enqueue(slot, isRequeued: row.attempt > 0) }
        return true
    }

    /// Puts what was restored in the order in which it is to be forgotten.
    public mutating func endRestore() {
        finished = .init(finished.sorted { tasks[$0.slot].finishedAt < tasks[$1.slot].finishedAt })
    }

    private static func summary(of spec: [UInt8]) -> TaskSummary? {
        var reader = JSONReader()
        let line = [UInt8(ascii: "{")] + spec + [UInt8(ascii: "}")]
        return line.withUnsafeBytes { bytes in
            guard let root = try? reader.parse(bytes).root else { return nil }
            return try? TaskSummary(root, isEnvelope: false)
        }
    }

    /// The node a task names; one that has the task keeps its lease for as long as a worker may need to come back.
    private mutating func giveBack(_ slot: Int32, _ nodeID: String) {
        let node = nodes.index(of: nodeID) ?? nodes.insert(nodeID)
        tasks[slot].node = node
        nodes[node].references += 1
        nodes[node].lastSeenWall = now.wall
        guard tasks[slot].isAssigned else { return }
        nodes[node].hasLease = true
        nodes[node].lastSeen = now.monotonic
        nodes[node].graceUntil = now.monotonic + 2 * Int64(configuration.leaseMilliseconds)
        let key = shapes[tasks[slot].shape].key
        nodes[node].used += 1
        nodes[node].cpuMillisUsed += key.cpuMillis
        nodes[node].memoryBytesUsed += key.memoryBytes
        tasks[slot].nodePosition = Int32(truncatingIfNeeded: nodes[node].attempts.count)
        nodes[node].attempts.append(slot)
        guard tasks[slot].status == .running else { return }
        tasks[slot].flags.insert(.accepted)
        let timeout = Int64(tasks[slot].timeoutSeconds) * 1_000
        if timeout > 0 {
            tasks[slot].deadline = now.monotonic + max(timeout - (now.wall - tasks[slot].startedAt), 1)
        }
    }
}

extension TaskReason {
    /// Whether a failed task has it by its worker's report only, never because the master gave the attempt up.
    fileprivate var isOnlyReported: Bool { isWorkerFailure && self != .timedOut }
}
