import PodlingProtocol

extension MasterCore {
    /// Restores a node of an earlier run from the store; call it before the tasks of that run are restored. The node is
    /// offline until it registers, and stays drained.
    ///
    /// - Returns: false if it is known already, or if there are too many nodes.
    @discardableResult
    package mutating func restoreNode(_ row: NodeRow) -> Bool {
        guard nodes.index(of: row.id) == nil, nodes.count < configuration.nodesMax else { return false }
        let index = nodes.insert(row.id)
        nodes[index].take(row)
        nodes.setByteCost(index, NodeRecord.byteCost(nodes[index].labels, [row.hostname, row.engine, row.version]))
        nodes[index].lastSeen = now.monotonic
        setTimer(index)
        // The store still has it as online.
        if row.isOnline { nodeChanged(index) }
        return true
    }

    /// Restores a task of an earlier run from the store. Call it before any session opens, in the order of ids (except
    /// for foreign ids), and call `endRestore` after the last.
    ///
    /// - Returns: false, with nothing changed, if the row cannot be a task of this version, or is out of order.
    @discardableResult
    package mutating func restore(_ row: TaskRow) -> Bool {
        guard let spec = row.spec, let kept = KeptSpec(spec, id: row.idText) else { return false }
        let mayBreakRules = row.status.isTerminal || row.foreignID != nil
        guard kept.fault == nil || mayBreakRules || row.isAdopted else { return false }
        let id: TaskID
        if let foreign = row.foreignID {
            guard tasks.table.foreign.count < configuration.foreignIDsMax,
                let added = tasks.restoreForeign(Array(foreign.utf8), createdAt: row.createdAt)
            else { return false }
            id = added
        } else {
            id = row.id
            guard id.leavesRoom else { return false }
            if row.isAdopted {
                guard tasks.slot(of: id) == nil else { return false }
            } else {
                guard tasks.mayRestore(id) else { return false }
            }
        }
        take(row, id, kept)
        return true
    }

    /// Ensures that new tasks get ids after this one. A store has tasks that are not restored, and by this machine's clock
    /// they may be in the future.
    package mutating func restore(lastID: TaskID) {
        if lastID.leavesRoom { tasks.skipIDs(before: lastID.next) }
    }

    /// Why a task that was just restored as pending failed at once; nil if it did not.
    package func failure(ofRestored row: TaskRow) -> String? {
        guard row.status == .pending, let slot = tasks.slot(of: row), tasks[slot].status == .failed else { return nil }
        return tasks[slot].extra?.error ?? "\(tasks[slot].reason.name)"
    }

    /// Sorts what was restored: pending tasks for placement, terminal ones for eviction.
    package mutating func endRestore() {
        tasks.sortEnded()
        guard tasks.table.foreign.count > 0 else { return }
        tasks.sortForeign()
        for place in 0..<tasks.table.placeCount {
            guard let slot = tasks.table.slot(at: place), tasks[slot].status == .pending else { continue }
            let isRequeued = tasks[slot].flags.contains(.requeued)
            pending.remove(slot, &tasks.records)
            pending.insert(slot, isRequeued: isRequeued, &tasks.records)
        }
    }

    /// Inserts a task made from a row, under an unused id. A pending task that can run on no node fails at once.
    @discardableResult
    mutating func take(_ row: TaskRow, _ id: TaskID, _ kept: KeptSpec) -> TaskSlot {
        let slot = tasks.insert(Self.record(row, id, kept))
        if !row.status.isTerminal {
            tasks[slot].shape = pending.retain(ShapeKey(kept.summary))
        } else if !row.isAdopted {
            tasks.appendEnded(slot)
        }
        if let nodeID = row.nodeID, !reattach(slot, toNode: nodeID) {
            // No worker can have so many attempts, so none will report this one.
            tasks[slot].flags.insert(.accepted)
            var effects = Effects()
            lose(slot, into: &effects)
            return slot
        }
        guard row.status == .pending else { return slot }
        if let fault = kept.fault?.message ?? row.fault {
            let extra = tasks[slot].extra ?? TaskExtra()
            tasks[slot].extra = extra
            extra.error = fault
            move(slot, to: .failed, .startFailed)
        } else if row.attempt >= Limits.attemptMax {
            move(slot, to: .failed, .lostTooOften)
        } else {
            pending.insert(slot, isRequeued: row.attempt > 0, &tasks.records)
        }
        return slot
    }

    private static func record(_ row: TaskRow, _ id: TaskID, _ kept: KeptSpec) -> TaskRecord {
        var record = TaskRecord(
            id: id,
            createdAt: row.createdAt,
            summary: kept.summary,
            status: row.status,
            reason: row.reason
        )
        // The row may be another program's, so its numbers are clamped to their bounds.
        let attempt = bounded(row.attempt, Limits.attemptMax)
        record.attempt = attempt
        record.unchargedAttempts = bounded(row.unchargedAttempts, attempt)
        record.rejections = Int16(clamping: bounded(row.rejections, Limits.rejectionsMax))
        record.createdAt = Timestamp.bounded(row.createdAt)
        record.scheduledAt = Timestamp.bounded(row.scheduledAt)
        record.startedAt = Timestamp.bounded(row.startedAt)
        record.finishedAt = Timestamp.bounded(row.finishedAt)
        record.importedAt = Timestamp.bounded(row.importedAt)
        if row.isCancelRequested { record.flags.insert(.cancelRequested) }
        if row.isAdopted { record.flags.insert(.adopted) }
        record.exitCode = row.exitCode
        if row.containerID != nil || row.error != nil || row.detail != nil {
            let extra = record.extra ?? TaskExtra()
            (extra.containerID, extra.error, extra.detail) = (row.containerID, row.error, row.detail)
            record.extra = extra
        }
        if row.status == .completed || (row.status == .failed && row.reason.isOnlyReported) {
            record.flags.insert(.reported)
        }
        // A task that no worker can run must not be placed again.
        if kept.fault != nil || row.fault != nil { record.onNodeLost = .fail }
        return record
    }

    private static func bounded(_ count: Int, _ countMax: Int) -> Int { min(max(count, 0), countMax) }

    /// Attaches a task to the node that its row names; a node that has the attempt keeps its lease for as long as a
    /// worker may need to reconnect.
    ///
    /// - Returns: false if the node would have more attempts than a node can have.
    private mutating func reattach(_ slot: TaskSlot, toNode nodeID: String) -> Bool {
        let node = nodes.index(of: nodeID) ?? nodes.insert(nodeID)
        tasks[slot].node = node
        nodes[node].references += 1
        nodes[node].lastSeen = now.monotonic
        guard tasks[slot].isAssigned else { return true }
        guard nodes[node].attempts.count < Limits.slotsMax else { return false }
        nodes[node].hasLease = true
        nodes[node].graceUntil = now.monotonic + 2 * Int64(configuration.leaseMilliseconds)
        timers.set(node, by: nodes[node].graceUntil)
        let key = pending.shapes[tasks[slot].shape].key
        nodes.add(slot, key, to: node, &tasks.records)
        guard tasks[slot].status == .running else { return true }
        tasks[slot].flags.insert(.accepted)
        let timeout = Int64(tasks[slot].timeoutSeconds) * 1_000
        if timeout > 0 {
            let startedAt = tasks[slot].startedAt
            tasks[slot].deadline = now.monotonic + (startedAt == 0 ? timeout : max(timeout - (now.wall - startedAt), 1))
            timers.set(node, by: tasks[slot].deadline)
        }
        return true
    }
}

extension TaskReason {
    /// Whether only a worker's report gives a failed task this reason, never a decision of the master.
    fileprivate var isOnlyReported: Bool { isWorkerFailure && self != .timedOut }
}
