import PodlingProtocol

/// A row that the store refuses for what it holds, as by a constraint or a trigger of the user's.
public struct RefusedRow: Sendable {
    public var task: TaskID
    /// The store has no earlier version of it.
    public var isNew: Bool
    /// The store's words, of bounded length.
    public var reason: String

    public init(task: TaskID, isNew: Bool, reason: String) {
        (self.task, self.isNew, self.reason) = (task, isNew, reason)
    }
}

/// What follows where the store refuses a task. A new one never was: its request is refused. A change holds here, and is
/// tried again, seldom or with the next one.
extension MasterCore {
    // MARK: Which answer speaks of which task

    /// The answer to the line that is carried out says something of this task.
    mutating func touch(_ slot: TaskSlot) {
        if configuration.asksStore, sessions.acting != nil { touched.append(tasks[slot].id) }
    }

    /// A request of a task whose last version the store has refused asks it once more: else it would be answered as done.
    mutating func touchUnsaved(_ slot: TaskSlot) {
        if changes.isUnsaved(tasks[slot].id) { changed(slot) }
    }

    mutating func markTouched(from start: Int, in effects: inout Effects) {
        for task in touched { effects.mark(task, touchedKind, from: start) }
        touched.removeAll(keepingCapacity: true)
    }

    /// The number for so many new tasks of one request, which are all taken or none; 0 where that needs no saying.
    mutating func nextGroup(of count: Int) -> Int {
        configuration.asksStore && count > 1 ? changes.nextGroup() : 0
    }

    /// The id as it stands in a line, without its quotes.
    public func lineText(of task: TaskID) -> [UInt8] {
        var writer = JSONWriter(capacityBytes: 64)
        tasks.records.write(task, to: &writer)
        return writer.withUnsafeBytes { Array($0.dropFirst().dropLast()) }
    }

    // MARK: Refusals

    /// The store has answered a batch; call it before what it held up leaves, of which `Effects.withhold` has taken out what
    /// is not so.
    ///
    /// - Parameters:
    ///   - retried: of the batch.
    ///   - untold: tasks whose last assignment is withheld.
    public mutating func storeAnswered(
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
                    refuse(slot, .rejected, into: &effects)
                }
            }
        }
    }

    /// Hands over once more what the store has refused, where the time has come.
    mutating func retryUnsaved() {
        for task in changes.takeRetries(now: now.monotonic) {
            if let slot = tasks.slot(of: task) { changed(slot) } else { changes.settle(task) }
        }
    }

    /// Takes a task out that no store has, and of which nobody was told but those who watch: for them it is cancelled.
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
