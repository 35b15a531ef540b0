import PodlingProtocol

/// A row that the store refuses for its content, as by a user's constraint or trigger.
package struct RefusedRow: Sendable {
    package var task: TaskID
    /// Whether the store has no earlier version of it.
    package var isNew: Bool
    /// The store's message, of bounded length.
    package var reason: String

    package init(task: TaskID, isNew: Bool, reason: String) {
        (self.task, self.isNew, self.reason) = (task, isNew, reason)
    }
}

/// Handling of tasks that the store refuses. A new task is withdrawn and its request is answered by an error. A change
/// stays in memory as unsaved, and is retried at long intervals or with the next change.
extension MasterCore {
    // MARK: Which reply reports which task

    /// Notes that the reply to the current line reports this task.
    mutating func touch(_ slot: TaskSlot) {
        if configuration.asksStore, sessions.acting != nil { touched.append(tasks[slot].id) }
    }

    /// Lists a task again whose last version the store refused, when a request names it; otherwise the request would
    /// be acknowledged without being durable.
    mutating func touchUnsaved(_ slot: TaskSlot) {
        if changes.isUnsaved(tasks[slot].id) { changed(slot) }
    }

    mutating func markTouched(from start: Int, in effects: inout Effects) {
        for task in touched { effects.mark(task, touchedKind, from: start) }
        touched.removeAll(keepingCapacity: true)
    }

    /// The group number for this many new tasks of one request, which are stored all or none; 0 if no group is needed.
    mutating func nextGroup(of count: Int) -> Int {
        configuration.asksStore && count > 1 ? changes.nextGroup() : 0
    }

    /// The id as it appears in a line, without its quotes.
    package func lineText(of task: TaskID) -> [UInt8] {
        var writer = JSONWriter(capacityBytes: 64)
        tasks.table.write(task, to: &writer)
        return writer.withUnsafeBytes { Array($0.dropFirst().dropLast()) }
    }

    // MARK: Refusals

    /// Handles the store's answer to a batch. Call it before the held turns leave, after `Effects.withhold` has removed
    /// the lines that are not true.
    ///
    /// - Parameters:
    /// - retried: the tasks of the batch that were retried.
    /// - untold: the tasks whose last assignment is withheld.
    package mutating func storeAnswered(
        _ refused: [RefusedRow],
        retried: [TaskID],
        untold: Set<TaskID>,
        now: Tick,
        into effects: inout Effects
    ) {
        self.now = now
        effects.isFree = false
        defer { effects.isFree = true }
        if !retried.isEmpty {
            let again = Set(refused.map(\.task))
            for task in retried where !again.contains(task) { changes.settle(task) }
        }
        for row in refused {
            guard let slot = tasks.slot(of: row.task) else { continue }
            if row.isNew {
                withdraw(slot, row.reason, into: &effects)
            } else {
                changes.refused(row.task, now: now.monotonic)
                if untold.contains(row.task), tasks[slot].status == .scheduled {
                    setError(row.reason, slot)
                    requeueUnaccepted(slot, .rejected, into: &effects)
                }
            }
        }
    }

    /// Lists the tasks whose refused changes are due for a retry.
    mutating func retryUnsaved() {
        for task in changes.takeRetries(now: now.monotonic) {
            if let slot = tasks.slot(of: task) { changed(slot) } else { changes.settle(task) }
        }
    }

    /// Withdraws a task that no store has. Only watchers have been notified of it: to them it is cancelled.
    private mutating func withdraw(_ slot: TaskSlot, _ reason: String, into effects: inout Effects) {
        let id = tasks[slot].id
        setError(reason, slot)
        if tasks[slot].status == .pending {
            pending.remove(slot, &tasks.records)
            move(slot, to: .cancelled, .cancelled)
        } else if tasks[slot].isAssigned {
            finish(slot, .cancelled, .cancelled)
        }
        tasks.removeEnded(slot)
        letGo(slot, into: &effects)
        changes.settle(id)
        tasks.remove(slot)
    }
}
