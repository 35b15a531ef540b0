import PodlingProtocol

extension MasterCore {
    /// Tells a transition to those who watch, and to the store where it keeps them.
    mutating func happened(_ event: TaskEvent) {
        if configuration.isAudited { audited.append(row(event)) }
        watchers.happened(events.next, event.taskID)
        events.append(event)
    }

    /// All transitions that are kept, for a store that may have lost them; who caused them is known no more.
    func heldEvents() -> [TaskEventRow] {
        (events.oldest..<events.next).map { number in
            var row = row(events[number])
            (row.number, row.actor) = (number, "unknown")
            return row
        }
    }

    private func row(_ event: TaskEvent) -> TaskEventRow {
        TaskEventRow(
            number: events.next,
            taskID: tasks.text(of: event.taskID),
            attempt: Int(event.attempt),
            nodeID: event.node,
            at: event.at,
            from: event.from,
            to: event.to,
            reason: event.reason,
            actor: actor
        )
    }

    /// Whose line is carried out; between lines the master decides itself.
    private var actor: String {
        guard let acting, isOpen(acting) else { return "master" }
        let session = sessions[acting.slot]
        if session.role == .worker { return "node \(session.node)" }
        return session.identity.map { "\($0) \(session.peer)" } ?? "client \(session.peer)"
    }

    // MARK: What earlier runs left

    /// The highest that every JSON reader tells from the next (RFC 8259, section 6).
    private static let eventNumberMax = 1 << 53

    /// Goes on with the numbers of earlier runs. Call it before any task is restored.
    ///
    /// A number that no run can have reached is nothing to go on from.
    public mutating func restore(_ trail: EventTrail) {
        guard (0...Self.eventNumberMax).contains(trail.lastNumber) else { return }
        earlierRuns = Set(trail.runs)
        events = EventRing(capacity: configuration.eventsKeptMax, next: trail.lastNumber + 1)
    }

    /// Takes the last transitions of earlier runs, by number, up to the trail's last; after all tasks, before `endRestore`.
    public mutating func restoreEvents(_ rows: [TaskEventRow]) {
        guard rows.allSatisfy({ (1...Self.eventNumberMax).contains($0.number) }), let first = rows.first,
            rows.last.map({ $0.number + 1 }) == events.oldest
        else { return }
        let own = (events.oldest..<events.next).map { events[$0] }
        var ring = EventRing(capacity: configuration.eventsKeptMax, next: first.number)
        for row in rows {
            // Where one is missing, nobody can go on from before it.
            if row.number != ring.next { ring = EventRing(capacity: configuration.eventsKeptMax, next: row.number) }
            ring.append(event(row))
        }
        for event in own { ring.append(event) }
        events = ring
    }

    private mutating func event(_ row: TaskEventRow) -> TaskEvent {
        let text = Array(row.taskID.utf8)
        // A task that another system named may be gone; its id is told still.
        let id = tasks.id(text) ?? tasks.restoreForeign(text, createdAt: row.at) ?? TaskID(number: 0)
        return TaskEvent(
            taskID: id,
            slot: tasks.slot(of: id) ?? .none,
            attempt: Int32(clamping: row.attempt),
            node: row.nodeID,
            at: row.at,
            from: row.from,
            to: row.to,
            reason: row.reason
        )
    }
}
