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

/// A task whose last changes the store does not have.
struct UnsavedTask {
    var retryAt: Int64
    var delayMilliseconds: Int64
}

/// What follows where the store refuses a task. A new one never was: its request is refused. A change holds here, and is
/// tried again, seldom or with the next one.
extension MasterCore {
    private static var retryMillisecondsMin: Int64 { 5_000 }
    private static var retryMillisecondsMax: Int64 { 300_000 }

    // MARK: Which answer speaks of which task

    /// The answer to the line that is carried out says something of this task.
    mutating func touch(_ slot: TaskSlot) {
        if configuration.asksStore, acting != nil { touched.append(tasks[slot].id) }
    }

    /// A request of a task whose last version the store has refused asks it once more: else it would be answered as done.
    mutating func touchUnsaved(_ slot: TaskSlot) {
        if !unsaved.isEmpty, unsaved[tasks[slot].id] != nil { changed(slot) }
    }

    mutating func markTouched(from start: Int, in effects: inout Effects) {
        for task in touched { effects.mark(task, touchedKind, from: start) }
        touched.removeAll(keepingCapacity: true)
    }

    /// The number for so many new tasks of one request, which are all taken or none; 0 where that needs no saying.
    mutating func nextGroup(of count: Int) -> Int {
        guard configuration.asksStore, count > 1 else { return 0 }
        lastGroup += 1
        return lastGroup
    }

    /// The id as it stands in a line, without its quotes.
    public func lineText(of task: TaskID) -> [UInt8] {
        var writer = JSONWriter(capacityBytes: 64)
        tasks.write(task, to: &writer)
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
            for task in retried where !again.contains(task) { unsaved[task] = nil }
        }
        for row in refused {
            guard let slot = tasks.slot(of: row.task) else { continue }
            if row.isNew {
                withdraw(slot, row.reason, into: &effects)
            } else {
                retryLater(row.task)
                if untold.contains(row.task), tasks[slot].status == .scheduled {
                    setError(row.reason, slot)
                    refuse(slot, .rejected, into: &effects)
                }
            }
        }
    }

    private mutating func retryLater(_ task: TaskID) {
        let delay = min(2 * (unsaved[task]?.delayMilliseconds ?? 0), Self.retryMillisecondsMax)
        let bounded = max(delay, Self.retryMillisecondsMin)
        unsaved[task] = UnsavedTask(retryAt: now.monotonic + bounded, delayMilliseconds: bounded)
    }

    /// Hands over once more what the store has refused, where the time has come.
    mutating func retryUnsaved() {
        guard !unsaved.isEmpty else { return }
        for (task, entry) in unsaved where entry.retryAt <= now.monotonic {
            guard let slot = tasks.slot(of: task) else {
                unsaved[task] = nil
                continue
            }
            unsaved[task]?.retryAt = now.monotonic + Self.retryMillisecondsMax
            changed(slot)
        }
    }

    /// Takes a task out that no store has, and of which nobody was told but those who watch: for them it is cancelled.
    private mutating func withdraw(_ slot: TaskSlot, _ reason: String, into effects: inout Effects) {
        let id = tasks[slot].id
        setError(reason, slot)
        if tasks[slot].status == .pending {
            dequeue(slot)
            move(slot, to: .cancelled, .cancelled)
        } else if tasks[slot].isAssigned {
            finish(slot, .cancelled, .cancelled)
        }
        if let index = finished.lastIndex(where: { $0.id == id }) {
            finished.remove(at: index)
            finishedBytes -= tasks[slot].byteCost
        }
        letGo(slot, into: &effects)
        unsaved[id] = nil
        tasks.remove(slot)
    }
}
